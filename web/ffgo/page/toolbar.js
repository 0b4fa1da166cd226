/** The row of buttons over the frame: one stop of the Tab key; arrows move inside it. */
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
const LARGE = ["large", "Open large", "Open the editor large"];

/** `actions` are createActions'; `finish` writes the edit in progress; without `onLarge` its button is not there. */
export function createToolbar({ model, actions, finish, announce, onLarge, signal }) {
  const buttons = (onLarge ? [...TOOLS, LARGE] : TOOLS).map(buildButton);
  const root = element("div", { class: "ffgo-tools", role: "toolbar", "aria-label": "Frame editor tools" }, ...buttons);
  root.addEventListener("click", (event) => onClick(event.target.closest("button")), { signal });
  root.addEventListener("keydown", onKey, { signal });

  function onClick(button) {
    if (!button || button.getAttribute("aria-disabled") === "true") return;
    finish();
    const { tool } = button.dataset;
    if (tool === "large") onLarge();
    else if (tool === "automatic") {
      model.useAutomatic();
      announce(`Layout ${model.scene.layout}`);
    } else actions[tool](model.scene.selected);
  }

  function onKey(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const next = buttons[(buttons.indexOf(document.activeElement) + step + buttons.length) % buttons.length];
    for (const button of buttons) button.tabIndex = button === next ? 0 : -1;
    next.focus();
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
        else if (tool !== "large") setDisabled(button, !place?.shown || Boolean(scene.note));
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
