/** What to do, written onto the two halves of the frame as long as nothing is there. */
import { hints } from "../pure/words.js";
import { element, setText } from "./dom.js";

export function createHints() {
  const said = { left: element("p", { class: "ffgo-hint" }), right: element("p", { class: "ffgo-hint" }) };
  const drops = { left: "Subjects", right: "Background" };
  const half = (side) =>
    element("div", { class: "ffgo-half" }, said[side], element("p", { class: "ffgo-drop-here" }, drops[side]));
  const root = element("div", { class: "ffgo-layer ffgo-hints" }, half("left"), half("right"));

  return {
    element: root,

    show(scene) {
      for (const [side, text] of Object.entries(hints(scene))) {
        said[side].hidden = !text;
        setText(said[side], text);
      }
    },
  };
}
