/** Numbers and names that the page's scripts share with Python (tests/unit/test_shared_constants.py): one table for both. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as constants from "../../web/ffgo/pure/constants.js";

test("all constants are in the table, and as it says", () => {
  const table = JSON.parse(readFileSync(new URL("../data/shared_constants.json", import.meta.url)));
  assert.deepEqual({ ...constants }, table);
});
