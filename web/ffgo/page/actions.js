/** Single edits of one subject, each a step of undo. */
import { otherCrop, restacked } from "../pure/edit.js";

/** Replace one entry of all. */
export const changed = (index, values) => (entries) =>
  entries.map((entry, i) => (i === index ? { ...entry, ...values } : entry));

export function createActions(model, announce) {
  const done = (change, text) => {
    model.preview(change);
    model.commit();
    announce(text);
  };
  const on = (name, act) => (index) => {
    const place = model.scene.places[index];
    if (!place || model.scene.note) return;
    if (place.locked && name !== "lock") announce("The subject is locked. Press L to unlock it.");
    else act(place, `Subject ${index + 1}`);
  };
  return {
    flip: on("flip", ({ index, flip }, title) => {
      done(changed(index, { flip: !flip }), `${title} ${flip ? "not flipped" : "flipped"}`);
    }),
    forward: on("forward", ({ index }, title) => {
      done((entries) => restacked(entries, index, 1), `${title} brought forward`);
    }),
    back: on("back", ({ index }, title) => {
      done((entries) => restacked(entries, index, -1), `${title} sent back`);
    }),
    lock: on("lock", ({ index, locked }, title) => {
      done(changed(index, { locked: !locked }), `${title} ${locked ? "unlocked" : "locked"}`);
    }),
    crop: on("crop", (place, title) => {
      if (!place.subject.picture) return;
      const next = otherCrop(place.entry, place.box, place.subject.picture);
      const shown = next.crop === "full" ? "whole picture" : "cropped to what is visible";
      done(changed(place.index, next), `${title}: ${shown}`);
    }),
    leaveOut: on("leaveOut", (place, title) => {
      done(changed(place.index, { shown: false }), `${title} left out. Bring it back from the list under the frame.`);
      model.select(-1);
    }),
    bringBack: on("bringBack", (place, title) => {
      done(changed(place.index, { shown: true, locked: false }), `${title} is back`);
      model.select(place.index);
    }),
  };
}
