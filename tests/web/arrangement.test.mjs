/** Boxes, marks and order of the layout custom: the table that Python's suite runs, too. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { ArrangementError, boxOf, drawingOrder, marks, parse } from "../../web/ffgo/pure/arrangement.js";
import { corners, cropOf } from "../../web/ffgo/pure/geometry.js";
import { automaticEntries } from "../../web/ffgo/pure/scene.js";

const table = JSON.parse(readFileSync(new URL("../data/arrangement_cases.json", import.meta.url)));
const asBox = ([x, y, width, height]) => ({ x, y, width, height });
const asList = ({ x, y, width, height }) => [x, y, width, height];

/** The picture of a case; layouts other than packed do not look at the area. */
const pictureOf = ({ size, visible }) => ({ size, visible: asBox(visible), area: size[0] * size[1] });

for (const { name, canvas, subjects, arrangement: data, expected } of table.cases) {
  test(`table: ${name}`, () => {
    const arrangement = parse(JSON.stringify(data));
    const pictures = subjects.map(pictureOf);
    const automatic = automaticEntries(pictures.map((picture) => ({ picture })), canvas, arrangement.base);
    const here = { width: canvas[0], height: canvas[1] };
    const places = expected.bound.map((bound, i) => {
      const entry = bound ? arrangement[bound[0]][bound[1]] : automatic[i];
      const crop = cropOf(pictures[i], entry.crop);
      return { ...entry, crop, box: boxOf(entry, crop, canvas, bound ? arrangement.canvas : here) };
    });
    assert.deepEqual(
      places.map((p) => ({ crop: asList(p.crop), box: asList(p.box), angle: p.angle, flip: p.flip, shown: p.shown, z: p.z })),
      expected.places,
    );
    assert.deepEqual(drawingOrder(places), expected.order);
    assert.deepEqual(marks(places, canvas), expected.marks);
    places.forEach((place, i) =>
      corners(place.box, place.angle).forEach(([x, y], k) => {
        assert.ok(Math.hypot(x - expected.corners[i][k][0], y - expected.corners[i][k][1]) < 2e-3);
      }),
    );
  });
}

for (const [i, { text }] of table.refused.entries()) {
  test(`refused ${i}: ${text.slice(0, 60)}`, () => {
    assert.throws(() => parse(text), ArrangementError);
  });
}
