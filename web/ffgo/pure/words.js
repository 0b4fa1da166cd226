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
    ...troubles(place).map((trouble) => `⚠ ${trouble}`),
  ];
  return parts.filter(Boolean).join(" · ");
}

/** The line under the frame. */
export function statusLine(scene) {
  const place = scene.places[scene.selected];
  if (place) return describe(place);
  if (!scene.places.length) return "Connect cut-outs to the subject inputs.";
  const how = scene.automatic ? `Layout ${scene.layout}` : "Your own arrangement";
  const wrong = scene.places.filter((one) => troubles(one).length || one.enough === false).length;
  const hint = wrong ? `${wrong} of ${scene.places.length} subjects need a look` : "drag a subject to arrange";
  return `${scene.canvas[0]} × ${scene.canvas[1]} · ${how} · ${hint}`;
}

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
