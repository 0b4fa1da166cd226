/**
 * The arrangement: the JSON in the node's hidden input. Its schema, and how a place follows from an entry, are
 * written down in docs/arrangement.md; ffgo/frame/arrangement.py computes the same. Pure: no page, no host.
 */
import {
  ARRANGEMENT_VERSION, FINGERPRINT_DIGITS, LAYOUTS, MAX_CANVAS, MAX_PARKED, MAX_SOURCE, MAX_SUBJECTS, MAX_TEXT,
  MAX_TIMES, MAX_TURN, MAX_Z, MIN_CANVAS, TOLERANCE,
} from "./constants.js";
import { centred, corners, fitSize, halves, round, sizeOf } from "./geometry.js";

const NEW_ENTRY = {
  fingerprint: null, source: "", x: 0, y: 0, width: 1, height: 1,
  angle: 0, flip: false, crop: "visible", shown: true, locked: false, z: 0,
};

/** An arrangement cannot be used; the message says what is wrong and where. */
export class ArrangementError extends Error {}

const fail = (message) => {
  throw new ArrangementError(message);
};

export const newEntry = (values) => ({ ...NEW_ENTRY, ...values });

/** Read the text; null if there is none. Throws ArrangementError. */
export function parse(text) {
  if (!text.trim()) return null;
  if (text.length > MAX_TEXT) fail(`it has ${text.length} characters; ${MAX_TEXT} are allowed`);
  let data;
  try {
    data = JSON.parse(text);
  } catch (error) {
    fail(`it is not JSON (${error.message})`);
  }
  return checked(data);
}

export const write = (arrangement) => JSON.stringify(arrangement);

function checked(data) {
  requireObject(data, "it");
  if (!("version" in data)) fail("version is missing");
  if (data.version !== ARRANGEMENT_VERSION || typeof data.version !== "number") {
    fail(`version ${JSON.stringify(data.version)} is not known here; this pack reads version ${ARRANGEMENT_VERSION}`);
  }
  requireKeys(data, ["version", "canvas", "subjects"], ["base", "parked"], "it");
  const { base = "published", parked = [] } = data;
  if (!LAYOUTS.includes(base)) fail(`base is ${JSON.stringify(base)}; it must be one of ${LAYOUTS.join(", ")}`);
  const canvas = checkedCanvas(data.canvas);
  return {
    version: ARRANGEMENT_VERSION,
    base,
    canvas,
    subjects: checkedEntries(data.subjects, "subjects", MAX_SUBJECTS, canvas),
    parked: checkedEntries(parked, "parked", MAX_PARKED, canvas),
  };
}

function checkedCanvas(canvas) {
  requireObject(canvas, "canvas");
  requireKeys(canvas, ["width", "height"], [], "canvas");
  for (const side of ["width", "height"]) requireWhole(canvas[side], `canvas.${side}`, MIN_CANVAS, MAX_CANVAS);
  return { width: canvas.width, height: canvas.height };
}

function checkedEntries(entries, name, most, canvas) {
  if (!Array.isArray(entries)) fail(`${name} is not a list`);
  if (entries.length > most) fail(`${name} has ${entries.length} entries; at most ${most} are allowed`);
  return entries.map((entry, i) => checkedEntry(entry, `${name}[${i}]`, canvas));
}

function checkedEntry(entry, where, { width: W, height: H }) {
  requireObject(entry, where);
  requireKeys(entry, ["x", "y", "width", "height"], Object.keys(NEW_ENTRY), where);
  const full = newEntry(entry);
  requireNumber(full.x, `${where}.x`, -MAX_TIMES * W, MAX_TIMES * W);
  requireNumber(full.y, `${where}.y`, -MAX_TIMES * H, MAX_TIMES * H);
  requireNumber(full.width, `${where}.width`, 1, MAX_TIMES * W);
  requireNumber(full.height, `${where}.height`, 1, MAX_TIMES * H);
  requireNumber(full.angle, `${where}.angle`, -MAX_TURN, MAX_TURN);
  requireWhole(full.z, `${where}.z`, -MAX_Z, MAX_Z);
  for (const key of ["flip", "shown", "locked"]) {
    if (typeof full[key] !== "boolean") fail(`${where}.${key} is not true or false`);
  }
  if (full.crop !== "visible" && full.crop !== "full") fail(`${where}.crop must be "visible" or "full"`);
  if (typeof full.source !== "string" || full.source.length > MAX_SOURCE) {
    fail(`${where}.source is not a text of at most ${MAX_SOURCE} characters`);
  }
  if (full.fingerprint !== null && !isFingerprint(full.fingerprint)) {
    fail(`${where}.fingerprint must be null or ${FINGERPRINT_DIGITS} of 0-9 and a-f`);
  }
  return full;
}

const isFingerprint = (value) =>
  typeof value === "string" && value.length === FINGERPRINT_DIGITS && /^[0-9a-f]*$/.test(value);

function requireObject(value, where) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) fail(`${where} is not an object {...}`);
}

function requireKeys(data, required, optional, where) {
  for (const key of required) if (!Object.hasOwn(data, key)) fail(`${where}: ${key} is missing`);
  const unknown = Object.keys(data).filter((key) => !required.includes(key) && !optional.includes(key));
  if (unknown.length) fail(`${where}: ${unknown.join(", ").slice(0, 200)} is not known`);
}

function requireNumber(value, where, low, high) {
  if (typeof value !== "number" || !Number.isFinite(value)) fail(`${where} is not a number`);
  if (value < low || value > high) fail(`${where} is ${value}; it must be ${low} to ${high}`);
}

function requireWhole(value, where, low, high) {
  requireNumber(value, where, low, high);
  if (!Number.isInteger(value)) fail(`${where} is ${value}; it must be a whole number`);
}

/** The entry's box on a canvas [width, height] before it is turned; `from` is the arrangement's own canvas. */
export function boxOf(entry, crop, canvas, from) {
  const [across, down] = [canvas[0] / from.width, canvas[1] / from.height];
  const scale = Math.min(across, down);
  const width = Math.max(1, round(entry.width * scale));
  const height = Math.max(1, round(entry.height * scale));
  const x = round((entry.x + entry.width / 2) * across - (entry.width * scale) / 2);
  const y = round((entry.y + entry.height / 2) * down - (entry.height * scale) / 2);
  return keepAspect({ x, y, width, height }, crop);
}

/** The box as it is where it has the crop's aspect to the pixel; else the crop fitted into its middle. */
function keepAspect(box, crop) {
  const aspect = crop.width / crop.height;
  const { width, height } = box;
  if (Math.abs(width - height * aspect) < 1 || Math.abs(height - width / aspect) < 1) return box;
  return centred(box, fitSize(sizeOf(crop), [width, height], Math.max(width, height)));
}

/** An entry in the pixels of another canvas {width, height}; each side of the frame keeps its part. */
export function rescaled(entry, to, from) {
  const [across, down] = [to.width / from.width, to.height / from.height];
  const scale = Math.min(across, down);
  return {
    ...entry,
    x: (entry.x + entry.width / 2) * across - (entry.width * scale) / 2,
    y: (entry.y + entry.height / 2) * down - (entry.height * scale) / 2,
    width: Math.max(1, entry.width * scale),
    height: Math.max(1, entry.height * scale),
  };
}

/** The order in which places are drawn, hidden ones left out: by z, then as the inputs come. */
export function drawingOrder(places) {
  const shown = places.map((_, i) => i).filter((i) => places[i].shown);
  return shown.sort((a, b) => places[a].z - places[b].z || a - b);
}

/** What a place does that it should not; `places` are {box, angle, shown}. */
export function marks(places, canvas) {
  const polygons = places.map((place) => corners(place.box, place.angle));
  const middle = halves(canvas)[0].width;
  return places.map((place, i) => {
    if (!place.shown) return { leaves: false, background: false, overlaps: [] };
    const others = polygons.map((_, j) => j).filter((j) => j !== i && places[j].shown);
    return {
      leaves: polygons[i].some(
        ([x, y]) => x < -TOLERANCE || y < -TOLERANCE || x > canvas[0] + TOLERANCE || y > canvas[1] + TOLERANCE,
      ),
      background: polygons[i].some(([x]) => x > middle + TOLERANCE),
      overlaps: others.filter((j) => overlap(polygons[i], polygons[j])),
    };
  });
}

/** Whether two turned boxes overlap: no edge's normal separates them. */
function overlap(one, other) {
  const axes = [one, other].flatMap((box) => [normal(box[0], box[1]), normal(box[1], box[2])]);
  return axes.every((axis) => {
    const [a, b] = [shadow(one, axis), shadow(other, axis)];
    return Math.min(a.high, b.high) - Math.max(a.low, b.low) > TOLERANCE;
  });
}

function normal([x, y], [toX, toY]) {
  const length = Math.hypot(toX - x, toY - y);
  return [(toY - y) / length, (x - toX) / length];
}

function shadow(points, [x, y]) {
  const along = points.map((point) => point[0] * x + point[1] * y);
  return { low: Math.min(...along), high: Math.max(...along) };
}
