/** Edits of entries, in whole pixels of the canvas: each takes what is there and returns what shall be. Pure. */
import { MAX_TIMES } from "./constants.js";
import { bounds, centreOf, clamp, corners, cropOf, halves, round, slots, turned } from "./geometry.js";

const SMALLEST_SIDE = 8;
const STAYS_VISIBLE = 16;
const ANGLE_STEP = 15;

/** The box moved so far that at least a bit of it stays on the canvas. */
export function movedBox(box, dx, dy, [width, height]) {
  return {
    ...box,
    x: clamp(round(box.x + dx), STAYS_VISIBLE - box.width, width - STAYS_VISIBLE),
    y: clamp(round(box.y + dy), STAYS_VISIBLE - box.height, height - STAYS_VISIBLE),
  };
}

/** A size with the crop's aspect, as near to `width` x its aspect as whole pixels allow. */
function sizedTo(crop, width, [canvasWidth, canvasHeight]) {
  const aspect = crop.width / crop.height;
  const least = Math.min(aspect, 1) === aspect ? SMALLEST_SIDE : SMALLEST_SIDE * aspect;
  const most = Math.min(MAX_TIMES * canvasWidth, MAX_TIMES * canvasHeight * aspect);
  const wanted = clamp(width, least, most);
  if (aspect >= 1) {
    const whole = round(wanted);
    return [whole, Math.max(1, round(whole / aspect))];
  }
  const whole = Math.max(1, round(wanted / aspect));
  return [Math.max(1, round(whole * aspect)), whole];
}

/** The box at `factor` times its width about its centre. */
export function scaledBox(box, crop, factor, canvas) {
  const [width, height] = sizedTo(crop, box.width * factor, canvas);
  const [x, y] = centreOf(box);
  return { x: round(x - width / 2), y: round(y - height / 2), width, height };
}

/**
 * The box with one corner dragged to a point and the opposite corner kept where it is.
 * `corner` is [1, 1] for bottom right, [-1, -1] for top left; angle in degrees.
 */
export function stretchedBox(box, crop, angle, corner, point, canvas) {
  const [cx, cy] = centreOf(box);
  const diagonal = [corner[0] * box.width, corner[1] * box.height];
  const back = turned([-diagonal[0] / 2, -diagonal[1] / 2], angle);
  const anchor = [cx + back[0], cy + back[1]];
  const pulled = turned([point[0] - anchor[0], point[1] - anchor[1]], -angle);
  const along = pulled[0] * diagonal[0] + pulled[1] * diagonal[1];
  const factor = along / (diagonal[0] ** 2 + diagonal[1] ** 2);
  const [width, height] = sizedTo(crop, box.width * factor, canvas);
  const [dx, dy] = turned([(corner[0] * width) / 2, (corner[1] * height) / 2], angle);
  return { x: round(anchor[0] + dx - width / 2), y: round(anchor[1] + dy - height / 2), width, height };
}

/** The angle from a box's centre to a point, 0 = straight up; whole steps unless free. */
export function angleTo(box, point, free) {
  const [x, y] = centreOf(box);
  return tidyAngle((Math.atan2(point[0] - x, y - point[1]) * 180) / Math.PI, free);
}

/** -180 < angle <= 180; to a tenth of a degree, or to whole steps unless free. */
export function tidyAngle(angle, free) {
  const wanted = free ? round(angle * 10) / 10 : round(angle / ANGLE_STEP) * ANGLE_STEP;
  const positive = ((wanted % 360) + 360) % 360;
  return positive > 180 ? round((positive - 360) * 10) / 10 : round(positive * 10) / 10;
}

/** The entry showing the other crop of its picture, at the same scale and with the picture where it was. */
export function otherCrop(entry, box, picture) {
  const [before, crop] = [cropOf(picture, entry.crop), entry.crop === "full" ? "visible" : "full"];
  const after = cropOf(picture, crop);
  const scale = box.width / before.width;
  const [width, height] = [Math.max(1, round(after.width * scale)), Math.max(1, round(after.height * scale))];
  const side = entry.flip ? -1 : 1;
  const shift = [
    side * (after.x + after.width / 2 - before.x - before.width / 2) * scale,
    (after.y + after.height / 2 - before.y - before.height / 2) * scale,
  ];
  const [dx, dy] = turned(shift, entry.angle);
  const [cx, cy] = centreOf(box);
  return { ...entry, crop, width, height, x: round(cx + dx - width / 2), y: round(cy + dy - height / 2) };
}

/** All entries, with the z of subject `index` one step towards the viewer (`by` = 1) or away (-1). */
export function restacked(entries, index, by) {
  const order = entries.map((_, i) => i).sort((a, b) => entries[a].z - entries[b].z || a - b);
  const from = order.indexOf(index);
  const to = clamp(from + by, 0, order.length - 1);
  order.splice(to, 0, ...order.splice(from, 1));
  return entries.map((entry, i) => ({ ...entry, z: order.indexOf(i) }));
}

/** Where a moved box may snap to: {across: x's, down: y's}, in canvas pixels. */
export function snapLines(canvas, others, layout) {
  const [left, right] = halves(canvas);
  const regions = [left, right, ...slots(canvas, Math.max(others.length + 1, 1), layout)];
  const boxes = others.filter((place) => place.shown).map((place) => bounds(corners(place.box, place.angle)));
  const across = regions.flatMap((box) => [box.x, box.x + box.width / 2, box.x + box.width]);
  const down = regions.flatMap((box) => [box.y, box.y + box.height / 2, box.y + box.height]);
  return {
    across: [...across, ...boxes.flatMap((box) => [box.left, box.right])],
    down: [...down, ...boxes.flatMap((box) => [box.top, box.bottom])],
  };
}

/** The box snapped to the nearest lines within `reach` pixels, and the lines that it sits on. */
export function snapped(box, angle, lines, reach) {
  const edges = bounds(corners(box, angle));
  const across = nearestLine([edges.left, (edges.left + edges.right) / 2, edges.right], lines.across, reach);
  const down = nearestLine([edges.top, (edges.top + edges.bottom) / 2, edges.bottom], lines.down, reach);
  return {
    box: { ...box, x: round(box.x + (across?.by ?? 0)), y: round(box.y + (down?.by ?? 0)) },
    guides: { across: across ? [across.line] : [], down: down ? [down.line] : [] },
  };
}

function nearestLine(edges, lines, reach) {
  const pairs = lines.flatMap((line) => edges.map((edge) => ({ line, by: line - edge })));
  const best = pairs.reduce((a, b) => (Math.abs(b.by) < Math.abs(a.by) ? b : a), { by: Infinity });
  return Math.abs(best.by) <= reach ? best : null;
}

