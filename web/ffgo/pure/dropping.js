/** Where pictures that are dropped onto the frame go. Pure. */
import { bounds, centreOf, centred, clamp, corners, cropOf, fitSize, halves, sizeOf, slots } from "./geometry.js";

/** A subject that is dropped gets room as if there were so many: it can be seen where it was dropped. */
const AS_OF = 4;
const STEPS = 24;
const SMALLER = 0.8;
const SMALLEST = 0.1;

/** Whether a drop means the background: one picture, nothing of it transparent, on the right half. */
export const isBackground = (pictures, point, [width]) =>
  pictures.length === 1 && point !== null && point[0] >= Math.floor(width / 2) && pictures[0].isOpaque;

/**
 * Boxes for new subjects: one alone has its middle where it was dropped, several the free places nearest to that; all
 * in the subjects' half. `places` are those that are there; point is [x, y], or null for pictures that were pasted.
 */
export function boxesFor(pictures, point, places, canvas) {
  const [half] = halves(canvas);
  const shown = places.filter((place) => place.shown);
  const cell = slots(canvas, Math.max(shown.length + pictures.length, AS_OF), "published")[0];
  const crops = pictures.map((picture) => sizeOf(cropOf(picture, "visible")));
  const at = point ?? centreOf(half);
  if (pictures.length === 1 && point) return [boxAt(at, fitSize(crops[0], sizeOf(cell)), half)];
  const taken = shown.map(({ box, angle }) => asBox(bounds(corners(box, angle))));
  for (let scale = 1; scale >= SMALLEST; scale *= SMALLER) {
    const sizes = crops.map((size) => fitSize(size, sizeOf(cell).map((side) => Math.max(1, Math.floor(side * scale)))));
    const found = spread(sizes, at, taken, half);
    if (found) return found;
  }
  return crops.map((size) => boxAt(at, fitSize(size, sizeOf(cell)), half));
}

const asBox = ({ left, top, right, bottom }) => ({ x: left, y: top, width: right - left, height: bottom - top });

/** A box of this size about a point, moved into the half. */
function boxAt([x, y], size, half) {
  const box = centred({ x: Math.round(x), y: Math.round(y), width: 0, height: 0 }, size);
  return {
    ...box,
    x: clamp(box.x, half.x, Math.max(half.x, half.x + half.width - box.width)),
    y: clamp(box.y, half.y, Math.max(half.y, half.y + half.height - box.height)),
  };
}

/** The free places nearest to a point, one after the other; null if there is none left. */
function spread(sizes, point, taken, half) {
  const all = [...taken];
  for (const size of sizes) {
    const free = candidates(point, size, half).find((box) => !all.some((other) => overlap(box, other)));
    if (!free) return null;
    all.push(free);
  }
  return all.slice(taken.length);
}

/** Boxes all over the half, those near the point first. */
function candidates(point, size, half) {
  const along = (from, length) =>
    Array.from({ length: STEPS + 1 }, (_, i) => from + Math.round((Math.max(length, 0) * i) / STEPS));
  const found = along(half.y, half.height - size[1]).flatMap((y) =>
    along(half.x, half.width - size[0]).map((x) => ({ x, y, width: size[0], height: size[1] })),
  );
  const far = (box) => {
    const [x, y] = centreOf(box);
    return Math.hypot(x - point[0], y - point[1]);
  };
  return [boxAt(point, size, half), ...found].sort((a, b) => far(a) - far(b));
}

const overlap = (a, b) =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
