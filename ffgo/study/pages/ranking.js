/** Ranks without a page: each rank belongs to one video. */

/**
 * The ranks, by slot, once a slot takes one: whoever had it gets the slot's old one, or none.
 *
 * before: the ranks when this slot's row was entered, for arrow keys pass through the ranks of others on their way;
 * now: the ranks at this moment.
 */
export function withRank(before, now, slot, rank) {
  const taken = new Map(before).set(slot, rank);
  const loser = [...before].find(([other, had]) => had === rank && other !== slot)?.[0];
  if (loser !== undefined) {
    const old = before.get(slot) ?? now.get(slot);
    taken.set(loser, [...taken.values()].includes(old) ? undefined : old);
  }
  return taken;
}

/** What differs from one to the other, as { slot, value }; null for none. */
export function changes(from, to) {
  const changed = [...to].filter(([slot, rank]) => from.get(slot) !== rank);
  return changed.map(([slot, rank]) => ({ slot, value: rank ?? null }));
}

/** In words, for those who do not see it. */
export function described(changed) {
  return changed
    .map(({ slot, value }) => `Video ${slot} ${value === null ? "has no rank any more" : `has rank ${value}`}`)
    .join("; ");
}
