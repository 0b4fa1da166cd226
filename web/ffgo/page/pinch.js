/** Fingers on a subject: one moves it, two scale it. */
import { scaledBox } from "../pure/edit.js";
import { changed } from "./actions.js";
import { drag } from "./drag.js";

/** Listen for fingers (or the mouse) on a subject's element, until `signal` ends. */
export function listenToFingers(index, target, signal, gesture) {
  const { model, editable } = gesture;
  const fingers = new Map();
  let endDrag = null;
  let start = null;
  let touches = null;
  const spread = () => {
    const [a, b] = [...fingers.values()];
    return Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
  };
  const listen = (type, act) => target.addEventListener(type, act, { signal });
  listen("pointerdown", (event) => {
    if (event.button) return;
    event.stopPropagation(); // else a locked subject, which is not dragged, would be let go of by the stage
    model.select(index);
    target.focus({ preventScroll: true });
    fingers.set(event.pointerId, event);
    if (!editable(index)) return;
    if (fingers.size === 1) {
      endDrag = drag(index, event, target, gesture);
    } else if (fingers.size === 2) {
      endDrag?.(false);
      target.setPointerCapture(event.pointerId);
      start = { spread: spread(), ...model.scene.places[index] };
      touches = keepTouches(signal);
    }
  });
  listen("pointermove", (event) => {
    if (!fingers.has(event.pointerId)) return;
    fingers.set(event.pointerId, event);
    if (!start || fingers.size !== 2) return;
    model.preview(changed(index, scaledBox(start.box, start.crop, spread() / start.spread, model.scene.canvas)));
  });
  for (const type of ["pointerup", "pointercancel"]) {
    listen(type, (event) => {
      fingers.delete(event.pointerId);
      if (!start || fingers.size) return;
      start = null;
      touches.abort();
      model.commit();
    });
  }
}

/** While two fingers are down here, the host must not see them: it would zoom the graph as well. */
function keepTouches(signal) {
  const touches = new AbortController();
  window.addEventListener("touchmove", (event) => event.stopPropagation(), { capture: true, signal: touches.signal });
  signal.addEventListener("abort", () => touches.abort(), { signal: touches.signal });
  return touches;
}
