/** What the editor says about a scene, for eyes and for screen readers. Pure. */

const number = new Intl.NumberFormat("en-US");

export const subjectTitle = (place) => `Subject ${place.index + 1}`;

/** What is wrong with a place, in a few words each. */
export function troubles({ marks, subject }) {
  const found = alphaTroubles(subject.picture);
  if (marks.leaves) found.push("leaves the frame");
  if (marks.background) found.push("reaches into the background half");
  if (marks.overlaps.length) found.push(`overlaps subject ${marks.overlaps.map((i) => i + 1).join(" and ")}`);
  return found;
}

const ALPHA_TROUBLES = {
  opaque: "nothing of it is transparent",
  "inside out": "its mask seems to be inside out",
  faint: "nearly transparent",
};

/** What looks wrong with a picture's transparency: see pure/alpha.js. */
function alphaTroubles(picture) {
  const { trouble = null, visible } = picture ?? {};
  if (!trouble) return [];
  if (!trouble.width) return [ALPHA_TROUBLES[trouble]];
  const sizes = [trouble, visible].map(({ width, height }) => `${width} × ${height}`);
  return [`faint dust: ${sizes[0]} without it, ${sizes[1]} with it; min_alpha 0.1 crops it away`];
}

export function badgeText({ pixels, enough }) {
  return pixels === null ? "" : `${enough ? "✓" : "⚠"} ${number.format(pixels)} px`;
}

function pixelsText({ pixels, enough }) {
  return pixels === null ? "" : `${number.format(pixels)} pixels, ${enough ? "enough" : "few: details may get lost"}`;
}

/** One line on a subject: where it is, how large, and what is wrong. */
export function describe(place) {
  const { box, angle, subject } = place;
  const parts = [
    `${subjectTitle(place)}${subject.name ? `, ${subject.name}` : ""}`,
    `${box.width} × ${box.height} at ${box.x}, ${box.y}`,
    angle ? `turned ${angle}°` : "",
    place.flip ? "flipped" : "",
    place.locked ? "locked" : "",
    pixelsText(place),
    subject.picture ? "" : subject.missing ? "its picture was not found" : "its picture is shown after a run",
    subject.picture?.uncut ? "its ground is cut away by a run" : "",
    ...troubles(place).map((trouble) => `⚠ ${trouble}`),
  ];
  return parts.filter(Boolean).join(" · ");
}

/** The line under the frame. */
export function statusLine(scene) {
  const place = scene.places[scene.selected];
  if (place) return describe(place);
  return unfinished(scene) ?? finished(scene);
}

/** What is to be done before the frame is all there; null if nothing is. */
function unfinished({ places, ground }) {
  if (!places.length && ground.state === "none") {
    return "Nothing is connected yet. Drop pictures onto the frame: subjects on the left, the background on the right.";
  }
  const missing = places.filter(({ subject }) => subject.missing).map(({ subject }) => subject.name);
  if (ground.state === "missing") missing.push(ground.name);
  if (missing.length) return `Not found: ${missing.join(", ")}. Choose or load it again in its node.`;
  if (!places.length) return "Drop subjects onto the left half, paste them, or connect cut-outs to the subject inputs.";
  if (ground.state === "none") return "Drop the background onto the right half, or connect it.";
  const later = places
    .filter(({ subject }) => !subject.picture && !subject.loading)
    .map(({ index }) => `subject ${index + 1}`);
  if (ground.state === "unrun") later.push("the background");
  return later.length ? `Press Run: it shows ${later.join(", ")}, which other nodes make.` : null;
}

/** What is written onto the halves of the frame: {left, right}, empty where something is to be seen. */
export function hints({ places, ground }) {
  const right = {
    none: "Drop the background here, or connect it",
    unrun: "The background is shown after a run",
    missing: `The background was not found: ${ground.name}`,
  };
  return {
    left: places.length ? "" : "Drop or paste your subjects here, or connect cut-outs",
    right: right[ground.state] ?? "",
  };
}

/** What stands on a subject's box as long as its picture is not there. */
export function boxHint({ index, subject }) {
  if (subject.picture) return null;
  if (subject.loading) return `Subject ${index + 1}: loading`;
  return `Subject ${index + 1}: ${subject.missing ? "not found" : "shown after a run"}`;
}

function finished(scene) {
  const how = scene.automatic ? `Layout ${scene.layout}` : "Your own arrangement";
  const wrong = scene.places.filter((one) => troubles(one).length || one.enough === false).length;
  const hint = wrong ? `${wrong} of ${scene.places.length} subjects need a look` : "drag a subject to arrange";
  return `${scene.canvas[0]} × ${scene.canvas[1]} · ${how} · ${hint}`;
}

export const READING_CAST = "Looking into the cast";
export const EMPTY_CAST =
  "Nobody is in the cast yet. Connect a cut-out to FFGo Save to Cast, give it a name, and press Run.";

/** What is said of a member of the cast. */
export const memberTip = (label, noun) =>
  `${label}${noun && noun !== label ? ` (${noun})` : ""}: drag it onto the frame, or press it`;

/** What the tab of a memory's canvas says; `number` counts from 0. */
export function pageTab({ subjects: { length } }, number) {
  const shown = length ? `${length} subject${length === 1 ? "" : "s"}` : "scene";
  return `${number + 1} · ${shown}`;
}

/** What a canvas of a memory shows, for who does not see it. */
export const pageTold = ({ subjects }) => (subjects.length ? subjects.map(gainTip).join("; ") : "The scene alone");

/** A subject of a memory with what it gains over one canvas of all; `gain` is null where that cannot be said. */
export const gainBadge = ({ name, pixels, gain }) =>
  gain === null ? `${name} ${wholeNumber(pixels)} px` : `${name} ×${gain.toFixed(1)}`;
export function gainTip({ name, pixels, gain }) {
  const times = gain === null ? "" : `, ${gain.toFixed(1)} times those on one canvas of all`;
  return `${name}: ${wholeNumber(pixels)} pixels${times}`;
}

const wholeNumber = (number) => Math.round(number).toLocaleString("en-US");

export const KEYS = [
  ["Arrows", "move by 1 pixel, with Shift by 10"],
  ["+ and -", "scale; the mouse wheel does, too"],
  [", and .", "turn by 1 degree, with Shift by 10"],
  ["F", "flips"],
  ["Page Up and Page Down", "bring forward and send back"],
  ["C or a double click", "crops to what is visible, or shows the whole picture"],
  ["L", "locks"],
  ["Delete", "leaves the subject out; it can be brought back"],
];

export const HELP = KEYS.map(([key, does]) => `${key}: ${does}.`).join(" ");
