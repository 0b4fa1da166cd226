/** What a key means on a subject. */
import { movedBox, scaledBox, tidyAngle } from "../pure/edit.js";

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Keys that are a single edit, by the names of createActions. */
export const ACTION_KEYS = {
  Delete: "leaveOut", Backspace: "leaveOut", f: "flip", c: "crop", l: "lock", PageUp: "forward", PageDown: "back",
};

/** What of a place changes with each press or repeat of a key, or null. */
export function pressed({ box, crop, angle }, { key, shiftKey }, canvas) {
  const step = shiftKey ? 10 : 1;
  if (key in ARROWS) {
    const [x, y] = ARROWS[key];
    return movedBox(box, x * step, y * step, canvas);
  }
  if (key === "+" || key === "=") return scaledBox(box, crop, 1 + 0.01 * step, canvas);
  if (key === "-" || key === "_") return scaledBox(box, crop, 1 / (1 + 0.01 * step), canvas);
  if (key === "." || key === ">") return { angle: tidyAngle(angle + step, true) };
  if (key === "," || key === "<") return { angle: tidyAngle(angle - step, true) };
  return null;
}
