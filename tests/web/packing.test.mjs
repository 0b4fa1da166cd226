/** The layout packed: the cells that Python finds (tests/unit/test_packed_cases.py holds Python to the same table). */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { cropOf } from "../../web/ffgo/pure/geometry.js";
import { automaticEntries } from "../../web/ffgo/pure/scene.js";

const table = JSON.parse(readFileSync(new URL("../data/packed_cases.json", import.meta.url)));
const asList = ({ x, y, width, height }) => [x, y, width, height];

for (const { canvas, gap, max_upscale: maxUpscale, subjects, expected } of table) {
  test(`${subjects.length} subjects on ${canvas}, gap ${gap}`, () => {
    const pictures = subjects.map(({ size, visible: [x, y, width, height], area }) => ({
      size, visible: { x, y, width, height }, area,
    }));
    const entries = automaticEntries(pictures.map((picture) => ({ picture })), canvas, "packed", { maxUpscale, gap });
    const found = entries.map((entry, i) => ({ crop: asList(cropOf(pictures[i], entry.crop)), box: asList(entry) }));
    assert.deepEqual(found, expected);
  });
}
