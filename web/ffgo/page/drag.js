/** Following a pointer that is down, and moving a subject with it. */
import { movedBox, snapLines, snapped } from "../pure/edit.js";
import { changed } from "./actions.js";

const CLICK_REACH = 3;
const SNAP_REACH = 6;

/** Follow the pointer of `event` on an element until it is up; Escape puts everything back. Returns `end(keep)`. */
export function follow(target, event, onMove, { model, finish, signal }) {
  finish();
  event.preventDefault();
  event.stopPropagation();
  target.setPointerCapture(event.pointerId);
  const gesture = new AbortController();
  const listen = (type, act, on = target) => on.addEventListener(type, act, { signal: gesture.signal });
  listen("abort", () => gesture.abort(), signal);
  let frame = 0;
  let latest = null;
  const show = () => {
    frame = 0;
    if (latest) onMove(latest);
    latest = null;
  };
  const end = (keep) => {
    cancelAnimationFrame(frame);
    if (keep) show();
    gesture.abort();
    if (keep) model.commit();
    else model.cancel();
  };
  listen("pointermove", (move) => {
    if (move.pointerId !== event.pointerId) return;
    latest = move;
    frame ||= requestAnimationFrame(show);
  });
  listen("pointerup", (up) => up.pointerId === event.pointerId && end(true));
  listen("pointercancel", (up) => up.pointerId === event.pointerId && end(false));
  listen("keydown", (key) => {
    if (key.key !== "Escape") return;
    key.stopPropagation();
    end(false);
  });
  return end;
}

/** Move a subject with the pointer; near a line it snaps, unless Shift is held. */
export function drag(index, event, target, gesture) {
  const { model, toCanvas, zoom } = gesture;
  const { box, angle } = model.scene.places[index];
  const start = toCanvas(event);
  const others = model.scene.places.filter((place) => place.index !== index);
  const lines = snapLines(model.scene.canvas, others, model.scene.base);
  let moving = false;
  const onMove = (move) => {
    const [x, y] = toCanvas(move);
    const [dx, dy] = [x - start[0], y - start[1]];
    moving ||= Math.hypot(dx, dy) * zoom() >= CLICK_REACH;
    if (!moving) return;
    const moved = movedBox(box, dx, dy, model.scene.canvas);
    const result = move.shiftKey ? { box: moved } : snapped(moved, angle, lines, SNAP_REACH / zoom());
    model.preview(changed(index, result.box), result.guides);
  };
  return follow(target, event, onMove, gesture);
}
