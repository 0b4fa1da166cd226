/**
 * The handles of the selected subject: a corner scales it, the knob above turns it. Their reach is wider than what is
 * seen of them, and lies below all subjects: it takes no click that is meant for a neighbour.
 */
import { angleTo, stretchedBox } from "../pure/edit.js";
import { element, icon, setBox } from "./dom.js";

const SMALLEST_WITH_KNOB = 44;
const CORNERS = { nw: [-1, -1], ne: [1, -1], se: [1, 1], sw: [-1, 1] };

export function createHandles({ model, gestures, toCanvas }) {
  const root = element("div", { class: "ffgo-handles", "aria-hidden": "true" });
  const reach = element("div", { class: "ffgo-handles ffgo-reach", "aria-hidden": "true" });
  for (const [name, corner] of Object.entries(CORNERS)) {
    for (const layer of [root, reach]) {
      const handle = element("div", { class: `ffgo-handle ffgo-${name}`, title: "Drag to scale" });
      gestures.listenToHandle(handle, ({ box, angle, crop }) => (move) =>
        stretchedBox(box, crop, angle, corner, toCanvas(move), model.scene.canvas));
      layer.append(handle);
    }
  }
  const said = { title: "Drag to turn; Shift for any angle" };
  const knob = element("div", { class: "ffgo-handle ffgo-turn", ...said }, icon("turn"));
  gestures.listenToHandle(knob, ({ index }) => (move) =>
    ({ angle: angleTo(model.scene.places[index].box, toCanvas(move), move.shiftKey) }));
  root.append(knob);

  return {
    element: root,
    reach,

    show(scene, scale) {
      const place = scene.places[scene.selected];
      root.hidden = reach.hidden = !place || !place.shown || place.locked || Boolean(scene.note);
      if (root.hidden) return;
      knob.hidden = Math.min(place.box.width, place.box.height) * scale < SMALLEST_WITH_KNOB;
      for (const layer of [root, reach]) {
        layer.dataset.index = place.index;
        setBox(layer.style, place, scale);
      }
    },
  };
}
