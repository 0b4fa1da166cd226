// Ranks of the study's page: each rank is one video's, and arrow keys on their way take nobody's for good.
import assert from "node:assert";
import { test } from "node:test";

import { changes, described, withRank } from "../../ffgo/study/pages/ranking.js";

const ranks = (...values) => new Map(values.map((value, index) => [index + 1, value]));
const listed = (map) => [...map.values()];

test("a free rank is taken", () => {
  assert.deepEqual(listed(withRank(ranks(1, undefined, undefined), ranks(1, undefined, undefined), 2, 3)), [1, 3, undefined]);
});

test("a taken rank swaps", () => {
  assert.deepEqual(listed(withRank(ranks(1, 2, 3), ranks(1, 2, 3), 3, 1)), [3, 2, 1]);
});

test("whoever loses a rank to one that had none has none", () => {
  assert.deepEqual(listed(withRank(ranks(1, undefined, 3), ranks(1, undefined, 3), 2, 1)), [undefined, 1, 3]);
});

test("arrow keys pass through the ranks of others and leave them as they were", () => {
  const before = ranks(1, 2, undefined);
  let now = before;
  const seen = [1, 2, 3].map((rank) => listed((now = withRank(before, now, 3, rank))));
  assert.deepEqual(seen, [[undefined, 2, 1], [1, undefined, 2], [1, 2, 3]]);
});

test("a first choice that is changed swaps, too", () => {
  const before = ranks(1, 2, undefined);
  const now = withRank(before, before, 3, 3);
  assert.deepEqual(listed(withRank(before, now, 3, 1)), [3, 2, 1]);
});

test("what changed is said", () => {
  const changed = changes(ranks(1, 2, undefined), ranks(undefined, 2, 1));
  assert.deepEqual(changed, [{ slot: 1, value: null }, { slot: 3, value: 1 }]);
  assert.equal(described(changed), "Video 1 has no rank any more; Video 3 has rank 1");
});
