/**
 * Which entry of an arrangement belongs to which connected picture.
 *
 * Removing a link renames the inputs after it, so an entry remembers where its picture comes from: `source`, the
 * origin (node and output) and the picture's name. Python knows no sources and goes by fingerprint and order; the page
 * therefore keeps `subjects` in the order of the inputs, and entries whose input is not connected in `parked`.
 */
import { MAX_SOURCE } from "./constants.js";

/** A picture's origin and name as one text. */
export const sourceText = (origin, name) => `${origin} ${name}`.slice(0, MAX_SOURCE);

/** The node and output that a picture comes from, without its name. */
export const originOf = (source) => source.split(" ", 1)[0];
const nameOf = (source) => source.slice(originOf(source).length + 1);

/** The entry that each subject ({source, fingerprint}) takes, or null. */
export function bind(subjects, arrangement) {
  const bound = subjects.map(() => null);
  const { subjects: active, parked } = arrangement;
  const taken = new Set();
  const take = (entries, same) =>
    subjects.forEach((subject, i) => {
      const entry = bound[i] ?? entries.find((candidate) => !taken.has(candidate) && same(subject, candidate)) ?? null;
      bound[i] = entry;
      if (entry) taken.add(entry);
    });
  const everywhere = [...active, ...parked];
  take(everywhere, (subject, entry) => entry.source === subject.source);
  take(everywhere, (subject, entry) => subject.fingerprint !== null && entry.fingerprint === subject.fingerprint);
  take(active, (subject, entry) => entry.source !== "" && originOf(entry.source) === originOf(subject.source));
  take(everywhere, ({ source }, entry) => nameOf(source) !== "" && nameOf(entry.source) === nameOf(source));
  take(active, () => true);
  return bound;
}

/** The entry as it is kept for its subject from now on. */
export function claimed(entry, subject) {
  const samePicture = entry.source === "" || nameOf(entry.source) === nameOf(subject.source);
  const fingerprint = subject.fingerprint ?? (samePicture ? entry.fingerprint : null);
  return { ...entry, source: subject.source, fingerprint };
}

/** A text written by hand names no sources: its entries belong to the inputs as they are connected now. */
export function withSources(arrangement, subjects) {
  if (arrangement?.subjects.length !== subjects.length) return arrangement;
  const bound = bind(subjects, arrangement);
  const sourced = (entry) => {
    const i = bound.indexOf(entry);
    return entry.source === "" && i >= 0 ? claimed(entry, subjects[i]) : entry;
  };
  return { ...arrangement, subjects: arrangement.subjects.map(sourced), parked: arrangement.parked.map(sourced) };
}

/** The entries that no connected picture takes. */
export function unbound(subjects, arrangement) {
  const used = new Set(bind(subjects, arrangement));
  return [...arrangement.subjects, ...arrangement.parked].filter((entry) => !used.has(entry));
}

/** Whether Python, too, would give each subject the entry that it has here, and the last ones none. */
export function isInOrder(bound, { subjects }) {
  return bound.length >= subjects.length && bound.every((entry, i) => entry === (subjects[i] ?? null));
}
