/** The subjects that were left out of the frame, each a button that brings it back. */
import { subjectTitle } from "../pure/words.js";
import { element, icon } from "./dom.js";

export function createLeftOut(bringBack) {
  const said = { role: "group", "aria-label": "Subjects left out" };
  const root = element("div", { class: "ffgo-left-out", ...said, hidden: true });

  function buildButton({ index, subject }) {
    const title = subjectTitle({ index });
    const label = `Bring back ${title}${subject.name ? ` (${subject.name})` : ""}`;
    const attributes = { type: "button", class: "ffgo-chip", "data-index": index, "aria-label": label, title: label };
    const button = element("button", attributes, icon("bringBack"), title);
    button.addEventListener("click", () => bringBack(index));
    return button;
  }

  return {
    element: root,

    show(scene) {
      const hidden = scene.places.filter((place) => !place.shown);
      root.hidden = !hidden.length;
      const wanted = hidden.map((place) => place.index).join();
      if (root.dataset.shown === wanted) return;
      root.dataset.shown = wanted;
      root.replaceChildren("Left out:", ...hidden.map(buildButton));
    },

    focus(index) {
      root.querySelector(`[data-index="${index}"]`).focus({ preventScroll: true });
    },
  };
}
