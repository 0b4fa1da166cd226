/** What of a picture's alpha is seen, and what looks wrong with it, as frame/pictures.py and advice.py say it. Pure. */
import { DUST, FAINT, INSIDE_OUT, OPAQUE } from "./constants.js";

const noBox = () => ({ left: Infinity, top: Infinity, right: -1, bottom: -1 });

/** Nothing looked at yet of a picture; what has an alpha of minAlpha (0..1) or more will count as seen. */
export const unseen = (width, height, minAlpha = 0) => ({
  width, height, least: Math.max(minAlpha * OPAQUE, 1), seen: noBox(), solid: noBox(),
  total: 0, lowest: OPAQUE, border: 0, middle: 0,
});

/** Look at some rows of RGBA, of which `top` is the first. */
export function look(found, data, rows, top) {
  const { width, height, least, seen, solid } = found;
  const middle = [Math.floor(width / 3), Math.floor(height / 3)];
  const isMiddle = (i, side, margin) => i >= margin && i < side - margin;
  for (let y = top, i = 3; y < top + rows; y++) {
    const [isEdge, inMiddle] = [y === 0 || y === height - 1, isMiddle(y, height, middle[1])];
    for (let x = 0; x < width; x++, i += 4) {
      const alpha = data[i];
      if (alpha < found.lowest) found.lowest = alpha;
      if (!alpha) continue;
      if (alpha >= least) {
        widen(seen, x, y);
        found.total += alpha;
      }
      if (alpha >= FAINT) widen(solid, x, y);
      if (alpha >= OPAQUE - FAINT && (isEdge || x === 0 || x === width - 1)) found.border++;
      if (inMiddle && isMiddle(x, width, middle[0])) found.middle += alpha;
    }
  }
}

function widen(box, x, y) {
  if (x < box.left) box.left = x;
  if (x > box.right) box.right = x;
  if (y < box.top) box.top = y;
  box.bottom = y;
}

/** {visible, area, trouble} of a picture that was looked at; visible is null where nothing can be seen. */
export function looks(found) {
  const visible = asBox(found.seen);
  return { visible, area: found.total / OPAQUE, trouble: visible && trouble(found, visible) };
}

/** "opaque", "inside out" or "faint"; with dust far from the subject the box of what is not dust; or null. */
function trouble({ width, height, lowest, border, middle, solid }, visible) {
  if (lowest === OPAQUE) return "opaque";
  const sides = [width, height].map((side) => side - 2 * Math.floor(side / 3));
  const isHollow = middle <= OPAQUE * (1 - INSIDE_OUT) * sides[0] * sides[1];
  if (border >= INSIDE_OUT * 2 * (width + height - 2) && isHollow) return "inside out";
  const clear = asBox(solid);
  if (!clear) return "faint";
  return clear.width * clear.height <= DUST * visible.width * visible.height ? clear : null;
}

const asBox = ({ left, top, right, bottom }) =>
  right < 0 ? null : { x: left, y: top, width: right - left + 1, height: bottom - top + 1 };
