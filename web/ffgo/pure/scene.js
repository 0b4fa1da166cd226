/** What there is to see: the place of everything on the canvas and what is wrong with it. Pure. */
import { boxOf, drawingOrder, marks, newEntry } from "./arrangement.js";
import { FEW_PIXELS } from "./constants.js";
import {
  centred, corners, cropOf, fitSize, partOnCanvas, placeBackground, sizeOf, slots,
} from "./geometry.js";
import { packedPlaces } from "./packing.js";

/**
 * The entries of an automatic layout: "published", "script" or "packed".
 * A subject whose picture is not known yet ({picture: null}) gets its whole slot.
 */
export function automaticEntries(subjects, canvas, layout, { maxUpscale = 1, gap = 0 } = {}) {
  const known = subjects.every((subject) => subject.picture);
  if (layout === "packed" && known && subjects.length) {
    return packedPlaces(subjects.map((subject) => subject.picture), canvas, maxUpscale, gap).map(toEntry);
  }
  const crop = layout === "script" ? "full" : "visible";
  return slots(canvas, subjects.length, layout).map((slot, i) => {
    const { picture } = subjects[i];
    const box = picture ? centred(slot, fitSize(sizeOf(cropOf(picture, crop)), sizeOf(slot))) : slot;
    return toEntry({ box, crop });
  });
}

const toEntry = ({ box, crop }) => newEntry({ ...box, crop });

/**
 * The scene of one {entry, from} for each subject: an entry is in pixels of the canvas `from` {width, height}.
 * canvas is [width, height]; background {size} or null.
 */
export function buildScene({ canvas, subjects, items, background, stretch }) {
  const places = items.map(({ entry, from }, i) => place(entry, subjects[i], canvas, from));
  const found = marks(places, canvas);
  const order = drawingOrder(places);
  return {
    canvas,
    background: background ? placeBackground(background.size, canvas, stretch) : null,
    places: places.map((one, i) => ({ ...one, index: i, marks: found[i], ...judged(one, canvas) })),
    order,
  };
}

function place(entry, subject, canvas, from) {
  const { picture } = subject;
  const crop = picture ? cropOf(picture, entry.crop) : { x: 0, y: 0, width: entry.width, height: entry.height };
  const { angle, flip, shown, locked, z } = entry;
  return { subject, entry, crop, box: boxOf(entry, crop, canvas, from), angle, flip, shown, locked, z };
}

/** How many pixels of the canvas the subject covers, and whether that is enough to keep its identity. */
function judged({ subject, crop, box, angle, shown }, canvas) {
  if (!subject.picture || !shown) return { pixels: null, enough: null };
  const scale = (box.width * box.height) / (crop.width * crop.height);
  const pixels = Math.round(subject.picture.area * scale * partOnCanvas(corners(box, angle), canvas));
  return { pixels, enough: pixels >= FEW_PIXELS * canvas[0] * canvas[1] };
}

/** The scene with the pixels that others cover taken off; `shares` is the visible part (0..1) of each place. */
export function withCover(scene, shares) {
  const least = FEW_PIXELS * scene.canvas[0] * scene.canvas[1];
  const places = scene.places.map((one, i) => {
    if (one.pixels === null || shares[i] === 1) return one;
    const pixels = Math.round(one.pixels * shares[i]);
    return { ...one, pixels, enough: pixels >= least };
  });
  return { ...scene, places };
}
