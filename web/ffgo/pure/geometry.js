/**
 * Boxes and sizes in whole pixels: the same arithmetic as ffgo/frame/geometry.py and layout.py, to the pixel.
 * A size is [width, height]; a box is {x, y, width, height}; x and y are its top-left corner.
 */
import { CROP_MARGIN, PRESETS } from "./constants.js";

export const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
export const round = (value) => Math.floor(value + 0.5);
export const sizeOf = (box) => [box.width, box.height];
export const centreOf = (box) => [box.x + box.width / 2, box.y + box.height / 2];

/** The canvas that the widgets ask for. */
export function canvasSize(preset, width, height) {
  return PRESETS[preset] ?? [width, height];
}

/** The left half (subjects) and the right half (background); the right one takes an odd column. */
export function halves([width, height]) {
  const middle = Math.floor(width / 2);
  return [
    { x: 0, y: 0, width: middle, height },
    { x: middle, y: 0, width: width - middle, height },
  ];
}

/** A box of this size in the middle of another; a spare pixel goes to the right and below. */
export function centred(box, [width, height]) {
  const x = box.x + Math.floor((box.width - width) / 2);
  const y = box.y + Math.floor((box.height - height) / 2);
  return { x, y, width, height };
}

/**
 * The largest size with the aspect of `size` that fits into `slot` and is at most `maxScale` times it. Rounds as
 * Pillow's thumbnail does.
 */
export function fitSize(size, slot, maxScale = 1) {
  const aspect = size[0] / size[1];
  const width = Math.min(slot[0], Math.floor(size[0] * maxScale));
  const height = Math.min(slot[1], Math.floor(size[1] * maxScale));
  if (width === size[0] && height === size[1]) return [width, height];
  if (width / height >= aspect) {
    return [nearest(height * aspect, (w) => Math.abs(aspect - w / height)), height];
  }
  return [width, nearest(width / aspect, (h) => (h ? Math.abs(aspect - width / h) : 0))];
}

/** The neighbouring whole number with the smaller error, at least 1. */
function nearest(wanted, error) {
  const [low, high] = [Math.floor(wanted), Math.ceil(wanted)];
  return Math.max(error(high) < error(low) ? high : low, 1);
}

/** The box with `margin` more pixels on every side, clipped to a picture of this size. */
function grown(box, margin, [width, height]) {
  const x = Math.max(box.x - margin, 0);
  const y = Math.max(box.y - margin, 0);
  const right = Math.min(box.x + box.width + margin, width);
  const bottom = Math.min(box.y + box.height + margin, height);
  return { x, y, width: right - x, height: bottom - y };
}

/** The part of a picture ({size, visible}) that is shown. */
export function cropOf(picture, crop) {
  const [width, height] = picture.size;
  return crop === "full" ? { x: 0, y: 0, width, height } : grown(picture.visible, CROP_MARGIN, picture.size);
}

/** Where a background of this size goes: into the middle of the right half, made smaller to fit. */
export function placeBackground(size, canvas, stretch) {
  const right = halves(canvas)[1];
  return centred(right, fitSize(stretch ? canvas : size, sizeOf(right)));
}

/** Equal slots in reading order; an odd last one of two columns gets the row to itself. */
export function slots(canvas, count, layout) {
  const left = halves(canvas)[0];
  const columns = layout === "script" || count <= 3 ? 1 : 2;
  const width = Math.floor(left.width / columns);
  const height = Math.floor(left.height / Math.ceil(count / columns));
  const found = Array.from({ length: count }, (_, i) => ({
    x: (i % columns) * width,
    y: Math.floor(i / columns) * height,
    width,
    height,
  }));
  if (count % columns) found[count - 1].width = left.width;
  return found;
}

/** The box's four corners, turned clockwise by `angle` degrees about its centre. */
export function corners(box, angle) {
  const [cx, cy] = centreOf(box);
  return [
    [-1, -1],
    [1, -1],
    [1, 1],
    [-1, 1],
  ].map(([sx, sy]) => {
    const [dx, dy] = turned([(sx * box.width) / 2, (sy * box.height) / 2], angle);
    return [cx + dx, cy + dy];
  });
}

/** A vector turned clockwise (y points down) by `angle` degrees. */
export function turned([x, y], angle) {
  const radians = (angle * Math.PI) / 180;
  const [cos, sin] = [Math.cos(radians), Math.sin(radians)];
  return [x * cos - y * sin, x * sin + y * cos];
}

/** The smallest upright box around points, in parts of a pixel. */
export function bounds(points) {
  const xs = points.map((point) => point[0]);
  const ys = points.map((point) => point[1]);
  return { left: Math.min(...xs), top: Math.min(...ys), right: Math.max(...xs), bottom: Math.max(...ys) };
}

function polygonArea(points) {
  return Math.abs(
    points.reduce((sum, [x, y], i) => {
      const [nextX, nextY] = points[(i + 1) % points.length];
      return sum + x * nextY - nextX * y;
    }, 0) / 2,
  );
}

/** The part (0..1) of a polygon that lies on the canvas. */
export function partOnCanvas(polygon, [width, height]) {
  const edges = [
    ([x]) => x,
    ([x]) => width - x,
    ([, y]) => y,
    ([, y]) => height - y,
  ];
  const kept = edges.reduce(keepInside, polygon);
  return kept.length ? polygonArea(kept) / polygonArea(polygon) : 0;
}

/** The part of a polygon where `distance` is not negative. */
function keepInside(points, distance) {
  return points.flatMap((point, i) => {
    const next = points[(i + 1) % points.length];
    const [here, there] = [distance(point), distance(next)];
    const crossing = here < 0 !== there < 0 ? [between(point, next, here / (here - there))] : [];
    return here < 0 ? crossing : [point, ...crossing];
  });
}

const between = (a, b, part) => [a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part];
