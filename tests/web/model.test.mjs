/** The editor's state: which entry belongs to which picture, what is written, and the edits themselves. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { boxOf, marks, parse } from "../../web/ffgo/pure/arrangement.js";
import { badgeCorner } from "../../web/ffgo/pure/badges.js";
import { scaledBox, otherCrop, restacked, snapLines, snapped, stretchedBox, tidyAngle } from "../../web/ffgo/pure/edit.js";
import { corners, cropOf } from "../../web/ffgo/pure/geometry.js";
import { createModel } from "../../web/ffgo/pure/model.js";
import { buildScene } from "../../web/ffgo/pure/scene.js";

const picture = (width, height) => ({
  size: [width, height], visible: { x: 0, y: 0, width, height }, area: width * height,
});
const subject = (name, origin = name, fingerprint = null) => ({
  source: `${origin} ${name}`, name, fingerprint, picture: picture(400, 300),
});
const [A, B, C] = ["a.png", "b.png", "c.png"].map((name, i) => subject(name, `${i + 1}:0`));

/** A model on widgets of its own; `steps` counts what was written. */
function editing(subjects = [A, B, C], widgets = {}) {
  const values = {
    layout: "published", preset: "custom", width: 1280, height: 720, backgroundFit: "keep_aspect", maxUpscale: 1, gap: 0,
    arrangement: "", steps: 0, ...widgets,
  };
  const model = createModel({
    read: () => values,
    write: (next) => Object.assign(values, next, { steps: values.steps + 1 }),
    visibleShares: (scene) => scene.places.map(() => 1),
  });
  const connect = (next) => {
    model.connect({ subjects: next, background: null });
    model.settle();
  };
  connect(subjects);
  const move = (index, x, y) => {
    model.preview((entries) => entries.map((entry, i) => (i === index ? { ...entry, x, y } : entry)));
    model.commit();
  };
  const boxes = () => Object.fromEntries(model.scene.places.map((place) => [place.subject.name, place.box]));
  return { model, values, connect, move, boxes };
}

test("a touch writes all places as they were shown, in the order of the inputs, as one step", () => {
  const { model, values, boxes, move } = editing();
  const before = boxes();
  move(1, 7, 9);
  assert.equal(values.layout, "custom");
  assert.equal(values.steps, 1);
  const { subjects, base, canvas } = parse(values.arrangement);
  assert.deepEqual(subjects.map((entry) => entry.source), [A, B, C].map((one) => one.source));
  assert.deepEqual(boxes(), { ...before, "b.png": { ...before["b.png"], x: 7, y: 9 } });
  assert.deepEqual([base, canvas], ["published", { width: 1280, height: 720 }]);
  assert.equal(model.scene.editing, false);
});

test("a picture that arrives during an edit does not end it", () => {
  const late = { ...B, picture: null, loading: true };
  const { model, connect, boxes } = editing([A, late, C]);
  model.preview((entries) => entries.map((entry, i) => (i === 0 ? { ...entry, x: 41, y: 43 } : entry)));
  connect([A, B, C]);
  assert.equal(model.scene.editing, true);
  model.commit();
  assert.deepEqual([boxes()["a.png"].x, boxes()["a.png"].y], [41, 43]);
});

test("an edit ends where another picture is connected in its place", () => {
  const { model, values, connect } = editing([A, B]);
  model.preview((entries) => entries.map((entry) => ({ ...entry, x: 41 })));
  connect([A, C]);
  assert.equal(model.scene.editing, false);
  model.commit();
  assert.equal(values.arrangement, "");
});

test("a removed middle input is parked, and comes back where it was, at whatever input", () => {
  const { values, connect, boxes, move } = editing();
  move(1, 7, 9);
  move(2, 30, 400);
  const before = boxes();
  connect([A, C]);
  const { subjects, parked } = parse(values.arrangement);
  assert.deepEqual([subjects.length, parked.map((entry) => entry.source)], [2, [B.source]]);
  assert.deepEqual(boxes(), { "a.png": before["a.png"], "c.png": before["c.png"] });
  connect([A, C, B]);
  assert.deepEqual(boxes(), before);
  assert.deepEqual(parse(values.arrangement).parked, []);
});

test("swapped inputs move nothing", () => {
  const { values, connect, boxes, move } = editing();
  move(0, 3, 4);
  const before = boxes();
  connect([C, B, A]);
  assert.deepEqual(boxes(), before);
  assert.deepEqual(parse(values.arrangement).subjects.map((entry) => entry.source), [C, B, A].map((one) => one.source));
});

test("another picture at the same origin has the place; its old fingerprint is forgotten", () => {
  const { values, connect, move, boxes } = editing([subject("a.png", "1:0", "aaaaaaaaaaaaaaa1"), B]);
  move(0, 50, 60);
  assert.equal(parse(values.arrangement).subjects[0].fingerprint, "aaaaaaaaaaaaaaa1");
  connect([subject("new.png", "1:0"), B]);
  assert.deepEqual([boxes()["new.png"].x, boxes()["new.png"].y], [50, 60]);
  move(1, 1, 1);
  assert.equal(parse(values.arrangement).subjects[0].fingerprint, null);
});

test("copies of the loaders are known by the pictures' names", () => {
  const { connect, move, boxes } = editing();
  move(2, 30, 40);
  const before = boxes();
  connect([C, A, B].map((one, i) => subject(one.name, `9${i}:0`)));
  assert.deepEqual(boxes(), before);
});

test("a new input is placed once its picture is there, and moves no other then or later", () => {
  const { values, connect, boxes, move } = editing([A, B]);
  move(0, 10, 10);
  const [before, text] = [boxes(), values.arrangement];
  connect([A, B, { ...C, picture: null, loading: true }]);
  assert.equal(values.arrangement, text);
  connect([A, B, C]);
  const placed = boxes();
  assert.deepEqual({ "a.png": placed["a.png"], "b.png": placed["b.png"] }, before);
  assert.deepEqual(placed["c.png"], { x: 160, y: 480, width: 320, height: 240 });
  connect([A, B, C, subject("d.png", "4:0")]);
  assert.deepEqual(boxes()["c.png"], placed["c.png"]);
});

test("of many pictures that are not connected the first 64 places are kept, so that the text can be read again", () => {
  const entry = (i) => ({ x: i, y: 0, width: 200, height: 150, source: `${i}:0 ${i}.png` });
  const arrangement = JSON.stringify({
    version: 1, canvas: { width: 1280, height: 720 },
    subjects: [{ ...entry(1), source: A.source }, { ...entry(2), source: B.source }],
    parked: Array.from({ length: 64 }, (_, i) => entry(100 + i)),
  });
  const { values, connect } = editing([A, B], { layout: "custom", arrangement });
  connect([A]);
  const { parked } = parse(values.arrangement);
  assert.deepEqual([parked.length, parked[0].source, parked[63].source], [64, B.source, "162:0 162.png"]);
});

test("of two copies of one picture each has its own place", () => {
  const [one, two] = [subject("same.png", "1:0"), subject("same.png", "2:0")];
  const { model, connect, move } = editing([one, two, B]);
  move(0, 10, 10);
  move(1, 200, 200);
  connect([B]);
  connect([B, two]);
  assert.deepEqual([model.scene.places[1].box.x, model.scene.places[1].box.y], [200, 200]);
});

test("a box that is a pixel off in both ways is fitted", () => {
  const [crop, from] = [{ x: 0, y: 0, width: 400, height: 300 }, { width: 1280, height: 720 }];
  const sizeOf = (height) => Object.values(boxOf({ x: 0, y: 0, width: 400, height }, crop, [1280, 720], from)).slice(2);
  assert.deepEqual([sizeOf(300), sizeOf(299)], [[400, 300], [399, 299]]);
});

test("a text written by hand is left alone until something is touched or unplugged", () => {
  const arrangement = JSON.stringify({
    version: 1, canvas: { width: 1280, height: 720 },
    subjects: [10, 20, 30].map((x) => ({ x, y: x, width: 200, height: 150 })),
  });
  const { values, connect, boxes } = editing([A, B, C], { layout: "custom", arrangement });
  assert.deepEqual([values.arrangement, values.steps], [arrangement, 0]);
  const before = boxes();
  connect([A, C]);
  assert.deepEqual(boxes(), { "a.png": before["a.png"], "c.png": before["c.png"] });
});

test("on another canvas everything keeps its part of the frame", () => {
  const { model, values, boxes, move } = editing([A]);
  move(0, 100, 50);
  values.preset = "640x480";
  model.refresh();
  const { x, y, width, height } = boxes()["a.png"];
  assert.deepEqual([width, height], [200, 150]);
  assert.deepEqual([x, y], [50, 58]); // its middle (300, 200) goes to (150, 133 1/3)
  move(0, 5, 6);
  assert.deepEqual(parse(values.arrangement).canvas, { width: 640, height: 480 });
});

test("what cannot be read is kept, said, and not edited", () => {
  const { model, values, move } = editing([A], { layout: "custom", arrangement: '{"version": 2}' });
  assert.match(model.scene.note, /version 2 is not known/);
  move(0, 1, 1);
  assert.deepEqual([values.arrangement, values.steps], ['{"version": 2}', 0]);
  model.useAutomatic();
  assert.deepEqual([values.layout, values.arrangement], ["published", ""]);
});

test("back to the automatic layout keeps the text for another time", () => {
  const { model, values, boxes, move } = editing([A, B], { layout: "script" });
  const automatic = boxes();
  move(0, 11, 12);
  const text = values.arrangement;
  model.useAutomatic();
  assert.deepEqual([values.layout, values.arrangement, boxes()], ["script", text, automatic]);
});

test("a scaled box keeps its middle and has the picture's aspect to the pixel, as Python takes it", () => {
  for (const crop of [{ width: 4000, height: 3000 }, { width: 37, height: 411 }, { width: 999, height: 10 }]) {
    for (const factor of [0.03, 0.5, 1.37, 3]) {
      const box = scaledBox({ x: 100, y: 100, width: 200, height: (200 * crop.height) / crop.width }, crop, factor, [1280, 720]);
      const aspect = crop.width / crop.height;
      assert.ok(Math.abs(box.width - box.height * aspect) < 1 || Math.abs(box.height - box.width / aspect) < 1);
      assert.ok(box.width >= 1 && box.height >= 1);
    }
  }
});

test("a dragged corner leaves the opposite one where it is, turned or not", () => {
  const [box, crop] = [{ x: 200, y: 150, width: 200, height: 150 }, { width: 400, height: 300 }];
  for (const angle of [0, 30, 90, -135]) {
    const before = corners(box, angle);
    const after = corners(stretchedBox(box, crop, angle, [1, 1], corners({ ...box, width: 300, height: 225 }, angle)[2], [1280, 720]), angle);
    assert.ok(Math.hypot(after[0][0] - before[0][0], after[0][1] - before[0][1]) <= 1, `${angle}`);
    assert.notDeepEqual(after[2], before[2]);
  }
});

test("the whole picture and its crop lie over each other", () => {
  const seen = { size: [400, 300], visible: { x: 100, y: 50, width: 200, height: 150 }, area: 30000 };
  const entry = { crop: "visible", angle: 0, flip: false, x: 60, y: 40, width: 105, height: 80 };
  const whole = otherCrop(entry, entry, seen);
  assert.deepEqual([whole.crop, whole.width, whole.height], ["full", 200, 150]);
  const inside = cropOf(seen, "visible");
  assert.ok(Math.abs(whole.x + inside.x / 2 - 60) <= 1);
  assert.ok(Math.abs(whole.y + inside.y / 2 - 40) <= 1);
});

test("forward and back swap neighbours", () => {
  const zs = (entries) => entries.map((entry) => entry.z);
  const start = [{ z: 0 }, { z: 0 }, { z: 5 }];
  assert.deepEqual(zs(restacked(start, 0, 1)), [1, 0, 2]);
  assert.deepEqual(zs(restacked(start, 2, -1)), [0, 2, 1]);
  assert.deepEqual(zs(restacked(start, 2, 1)), [0, 1, 2]);
});

test("angles snap to 15 degrees unless free", () => {
  assert.deepEqual([tidyAngle(52.26, false), tidyAngle(52.26, true), tidyAngle(-187, false), tidyAngle(540, true)], [45, 52.3, 180, 180]);
});

test("a box snaps to the halves and to its neighbours, within reach", () => {
  const neighbour = { box: { x: 300, y: 200, width: 100, height: 80 }, angle: 0, shown: true };
  const lines = snapLines([1280, 720], [neighbour], "published");
  const near = snapped({ x: 303, y: 50, width: 90, height: 40 }, 0, lines, 5);
  assert.deepEqual([near.box.x, near.guides.across], [300, [300]]);
  const far = snapped({ x: 450, y: 50, width: 90, height: 40 }, 0, lines, 5);
  assert.deepEqual([far.box.x, far.guides.across], [450, []]);
});

test("a subject has enough pixels from 11,000 of a frame of 1280 x 720 on, and of another its share", () => {
  const enough = (canvas, width, height) => {
    const entry = { x: 0, y: 0, width, height, crop: "full", angle: 0, flip: false, shown: true, locked: false, z: 0 };
    const from = { width: canvas[0], height: canvas[1] };
    const scene = { canvas, subjects: [{ picture: picture(width, height) }], items: [{ entry, from }], background: null };
    return buildScene(scene).places[0].enough;
  };
  assert.deepEqual([enough([1280, 720], 110, 100), enough([1280, 720], 10999, 1)], [true, false]);
  assert.deepEqual([enough([640, 360], 50, 55), enough([640, 360], 2749, 1)], [true, false]);
});

test("marks name what is wrong", () => {
  const at = (x, y) => ({ box: { x, y, width: 100, height: 100 }, angle: 0, shown: true });
  const [leaving, covered, inside] = marks([at(-1, 0), at(50, 0), at(600, 300)], [1280, 720]);
  assert.deepEqual([leaving.leaves, leaving.overlaps, covered.overlaps], [true, [1], [0]]);
  assert.deepEqual([inside.background, inside.leaves], [true, false]);
});

test("a badge stays on the frame and off the other subjects", () => {
  const box = { left: 100, top: 50, right: 160, bottom: 120 };
  const frame = [400, 225];
  assert.deepEqual(badgeCorner(box, [], frame), [100, 34]);
  assert.deepEqual(badgeCorner(box, [{ left: 90, top: 0, right: 170, bottom: 45 }], frame), [14, 50]);
  assert.deepEqual(badgeCorner({ left: 0, top: 0, right: 400, bottom: 225 }, [], frame), [0, 0]);
});
