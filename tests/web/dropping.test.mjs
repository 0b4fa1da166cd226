/** Where dropped pictures go. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { boxesFor, isBackground } from "../../web/ffgo/pure/dropping.js";

const CANVAS = [1280, 720];
const picture = (width, height, isOpaque = false) => ({
  size: [width, height], visible: { x: 0, y: 0, width, height }, isOpaque,
});
const place = (box) => ({ box, angle: 0, shown: true });
const overlap = (a, b) =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

function assertSpread(boxes) {
  for (const [i, box] of boxes.entries()) {
    assert.ok(box.x >= 0 && box.y >= 0 && box.x + box.width <= 640 && box.y + box.height <= 720, JSON.stringify(box));
    for (const other of boxes.slice(i + 1)) assert.ok(!overlap(box, other), JSON.stringify([box, other]));
  }
}

test("one picture has its middle where it was dropped", () => {
  const [box] = boxesFor([picture(900, 600)], [300, 400], [], CANVAS);
  assert.ok(Math.hypot(box.x + box.width / 2 - 300, box.y + box.height / 2 - 400) < 1);
  assert.ok(Math.abs(box.width / box.height - 1.5) < 0.01);
});

test("near an edge, or on the other half, it stays in the subjects' half", () => {
  for (const point of [[0, 0], [1279, 719], [640, 10]]) assertSpread(boxesFor([picture(900, 600)], point, [], CANVAS));
});

test("a small picture is not enlarged", () => {
  assert.deepEqual(boxesFor([picture(50, 40)], [300, 300], [], CANVAS), [{ x: 275, y: 280, width: 50, height: 40 }]);
});

test("several overlap neither each other nor those that are there", () => {
  const there = [place({ x: 40, y: 20, width: 300, height: 330 })];
  for (const count of [2, 3, 7]) {
    const pictures = Array.from({ length: count }, (_, i) => picture(400 + 100 * i, 700 - 60 * i));
    for (const point of [[200, 200], [630, 700], null]) {
      const boxes = boxesFor(pictures, point, there, CANVAS);
      assert.equal(boxes.length, count);
      assertSpread([...boxes, there[0].box]);
    }
  }
});

test("in a full half they are put where they were dropped", () => {
  const full = [place({ x: 0, y: 0, width: 640, height: 720 })];
  assert.equal(boxesFor([picture(9, 9), picture(9, 9)], [100, 100], full, CANVAS).length, 2);
});

test("a background is one opaque picture on the right half", () => {
  const [opaque, cutOut] = [picture(9, 9, true), picture(9, 9)];
  assert.ok(isBackground([opaque], [640, 5], CANVAS));
  assert.ok(!isBackground([opaque], [639, 5], CANVAS));
  assert.ok(!isBackground([cutOut], [900, 5], CANVAS));
  assert.ok(!isBackground([opaque, opaque], [900, 5], CANVAS));
  assert.ok(!isBackground([opaque], null, CANVAS));
});
