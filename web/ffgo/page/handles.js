/** The handles of the selected subject: a corner scales it, the knob above turns it. */
import { angleTo, stretchedBox } from "../pure/edit.js";
import { element, icon, setBox } from "./dom.js";

const CORNERS = { nw: [-1, -1], ne: [1, -1], se: [1, 1], sw: [-1, 1] };

export function createHandles({ model, gestures, toCanvas }) {
  const root = element("div", { class: "ffgo-handles", "aria-hidden": "true" });
  for (const [name, corner] of Object.entries(CORNERS)) {
    const handle = element("div", { class: `ffgo-handle ffgo-${name}`, title: "Drag to scale" });
    gestures.listenToHandle(handle, ({ box, angle, crop }) => (move) =>
      stretchedBox(box, crop, angle, corner, toCanvas(move), model.scene.canvas));
    root.append(handle);
  }
  const said = { title: "Drag to turn; Shift for any angle" };
  const knob = element("div", { class: "ffgo-handle ffgo-turn", ...said }, icon("turn"));
  gestures.listenToHandle(knob, ({ index }) => (move) =>
    ({ angle: angleTo(model.scene.places[index].box, toCanvas(move), move.shiftKey) }));
  root.append(knob);

  return {
    element: root,

    show(scene, scale) {
      const place = scene.places[scene.selected];
      root.hidden = !place || !place.shown || place.locked || Boolean(scene.note);
      if (root.hidden) return;
      root.dataset.index = place.index;
      setBox(root.style, place, scale);
    },
  };
}
