/** What of a picture's alpha is seen and what is wrong with it: as Python finds (tests/unit/test_alpha_advice.py). */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { look, looks, unseen } from "../../web/ffgo/pure/alpha.js";

const table = JSON.parse(readFileSync(new URL("../data/alpha_cases.json", import.meta.url)));
const asList = (found) => (found?.width ? [found.x, found.y, found.width, found.height] : found);

for (const { name, size: [width, height], rects, min_alpha: minAlpha, expected } of table) {
  test(name, () => {
    const data = new Uint8ClampedArray(width * height * 4);
    for (const [left, top, across, down, alpha] of rects) {
      for (let y = top; y < top + down; y++) {
        for (let x = left; x < left + across; x++) data[(y * width + x) * 4 + 3] = alpha;
      }
    }
    const found = unseen(width, height, minAlpha);
    for (let top = 0; top < height; top += 7) {
      look(found, data.subarray(top * width * 4), Math.min(7, height - top), top);
    }
    const { visible, area, trouble } = looks(found);
    assert.deepEqual([asList(visible), asList(trouble)], [expected.visible, expected.trouble]);
    assert.ok(Math.abs(area - expected.area) < 1e-9);
  });
}

test("nothing to be seen", () => {
  const found = unseen(4, 4, 0.5);
  look(found, new Uint8ClampedArray(64).fill(100), 4, 0);
  assert.equal(looks(found).visible, null);
});
