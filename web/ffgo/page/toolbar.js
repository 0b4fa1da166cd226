/** The row of buttons over the frame. */
import { moveByArrows } from "./arrows.js";
import { element, icon, setAttributes } from "./dom.js";

const TOOLS = [
  ["automatic", "Automatic layout", "Put everything back to the automatic layout"],
  ["flip", "Flip", "Flip left and right (F)"],
  ["forward", "Bring forward", "Bring forward (Page Up)"],
  ["back", "Send back", "Send back (Page Down)"],
  ["crop", "Crop", "Crop to what is visible, or show the whole picture (C, double-click)"],
  ["lock", "Lock", "Lock or unlock (L)"],
  ["leaveOut", "Leave out", "Leave out; it can be brought back (Delete)"],
];
const CAST = ["cast", "Cast", "Who is kept in the cast: show them, to be put into the frame"];
const LARGE = ["large", "Open large", "Open the editor large"];

/**
 * `actions` are createActions'; `finish` writes the edit in progress; `onCast` shows or hides the cast and says which;
 * without `onLarge` its button is not there.
 */
export function createToolbar({ model, actions, finish, announce, onCast, onLarge, signal }) {
  const buttons = [...TOOLS, CAST, ...(onLarge ? [LARGE] : [])].map(buildButton);
  const root = element("div", { class: "ffgo-tools", role: "toolbar", "aria-label": "Frame editor tools" }, ...buttons);
  root.addEventListener("click", (event) => onClick(event.target.closest("button")), { signal });
  moveByArrows(root, () => buttons, signal);

  function onClick(button) {
    if (!button || button.getAttribute("aria-disabled") === "true") return;
    finish();
    const { tool } = button.dataset;
    if (tool === "large") onLarge();
    else if (tool === "cast") setAttributes(button, { "aria-pressed": onCast() });
    else if (tool === "automatic") {
      model.useAutomatic();
      announce(`Layout ${model.scene.layout}`);
    } else actions[tool](model.scene.selected);
  }

  return {
    element: root,

    /** The button that the Tab key stops at. */
    get stop() {
      return buttons.find((button) => button.tabIndex === 0);
    },

    show(scene) {
      const place = scene.places[scene.selected];
      for (const button of buttons) {
        const { tool } = button.dataset;
        if (tool === "automatic") setDisabled(button, scene.automatic);
        else if (tool in actions) setDisabled(button, !place?.shown || Boolean(scene.note));
        if (tool === "lock") setAttributes(button, { "aria-pressed": Boolean(place?.locked) });
        if (tool === "flip") setAttributes(button, { "aria-pressed": Boolean(place?.flip) });
      }
    },
  };
}

const setDisabled = (button, disabled) => setAttributes(button, { "aria-disabled": String(disabled) });

function buildButton([name, label, tip], i) {
  const attributes = { type: "button", class: "ffgo-tool", "data-tool": name, "aria-label": label, title: tip };
  const text = element("span", { class: "ffgo-tool-label" }, label);
  return element("button", { ...attributes, tabindex: i ? -1 : 0 }, icon(name), text);
}
