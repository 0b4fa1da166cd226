/**
 * The editor's state: what is connected, what the widgets say, and the edit in progress. It reads and writes the
 * node's widgets through `port` and tells its listeners when there is something new to see. No page, no host.
 *
 * The background is {size, ...} or null; `ground` says how it is with that: {state, name}, where the state is "none",
 * "missing", "unrun", "loading" or "shown".
 *
 * port.read() -> {layout, preset, width, height, backgroundFit, maxUpscale, gap, minAlpha, arrangement: text}
 * port.write({layout, arrangement}) -> one step of the host's undo
 * port.visibleShares(scene) -> the part of each subject that no other covers
 */
import { ArrangementError, parse, rescaled, write } from "./arrangement.js";
import { bind, claimed, isInOrder, unbound, withSources } from "./binding.js";
import { ARRANGEMENT_VERSION, CUSTOM, MAX_PARKED } from "./constants.js";
import { canvasSize } from "./geometry.js";
import { automaticEntries, buildScene, withCover } from "./scene.js";

const NO_GUIDES = { across: [], down: [] };

export function createModel(port) {
  const listeners = new Set();
  const state = {
    subjects: [], background: null, ground: { state: "none" }, selected: -1, scene: null,
    draft: null, guides: NO_GUIDES, // the edit in progress
    remembered: { text: "", arrangement: null },
  };

  refresh();

  function refresh() {
    state.scene = sceneOf(state, port);
    for (const listener of listeners) listener(state.scene);
  }

  function put(layout, arrangement) {
    endEdit(state);
    port.write({ layout, arrangement });
    refresh();
  }

  return {
    get scene() { return state.scene; },

    /** {size, picture}, or null. */
    get background() { return state.background; },

    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },

    /** What is connected: subjects {source, name, fingerprint, picture, loading}, background and ground as above. */
    connect(next) {
      connectTo(state, next);
      refresh();
    },

    refresh,

    /** Keep the arrangement in the order of the inputs, so that Python binds it as it is shown. */
    settle() {
      if (isUnsettled(state)) put(CUSTOM, write(arrangementOf(state, present(state), state.scene.arrangement)));
    },

    select(index) {
      if (index === state.selected || index >= state.subjects.length) return;
      state.selected = index;
      refresh();
    },

    /** Show an edit that is not finished: `change` takes all entries, in pixels of the canvas, and gives them anew. */
    preview(change, guides = NO_GUIDES) {
      if (state.scene.note) return;
      state.draft = change(state.draft ?? present(state));
      state.guides = guides;
      refresh();
    },

    /** Write the edit in progress, if there is one. */
    commit() {
      if (!state.draft) return;
      const before = state.scene.arrangement ?? earlier(port.read().arrangement);
      put(CUSTOM, write(arrangementOf(state, state.draft, before)));
    },

    cancel() {
      endEdit(state);
      refresh();
    },

    /** The automatic layout that the arrangement was made from. The text is kept, unless it cannot be read. */
    useAutomatic() {
      put(state.scene.base, state.scene.note ? "" : port.read().arrangement);
    },
  };
}

function endEdit(state) {
  state.draft = null;
  state.guides = NO_GUIDES;
}

/** What there is to see now. */
function sceneOf(state, port) {
  const { subjects, background, ground, draft, guides, selected } = state;
  const settings = port.read();
  const canvas = canvasSize(settings.preset, settings.width, settings.height);
  const here = { width: canvas[0], height: canvas[1] };
  const automatic = settings.layout !== CUSTOM;
  const { arrangement, note } = automatic ? { arrangement: null, note: null } : readFor(state, settings.arrangement);
  const base = automatic ? settings.layout : (arrangement?.base ?? "published");
  const items = draft
    ? draft.map((entry) => ({ entry, from: here }))
    : itemsOf(subjects, arrangement, automaticEntries(subjects, canvas, base, settings), here);
  const stretch = base === "script" || settings.backgroundFit === "stretch";
  const laid = buildScene({ canvas, subjects, items, background, stretch });
  const built = draft ? laid : withCover(laid, port.visibleShares(laid));
  const { layout } = settings;
  const editing = draft !== null;
  return { ...built, ground, here, layout, automatic, base, note, arrangement, guides, selected, editing };
}

/** The arrangement that the layout "custom" asks for, or a note why it cannot be used. A text is read once. */
function readFor(state, text) {
  if (state.remembered.text !== text) {
    try {
      state.remembered = { text, arrangement: withSources(parse(text), state.subjects) };
    } catch (error) {
      if (!(error instanceof ArrangementError)) throw error;
      return { arrangement: null, note: error.message };
    }
  }
  return { arrangement: state.remembered.arrangement, note: null };
}

function itemsOf(subjects, arrangement, automatic, here) {
  const bound = arrangement ? bind(subjects, arrangement) : subjects.map(() => null);
  return bound.map((entry, i) =>
    entry ? { entry: claimed(entry, subjects[i]), from: arrangement.canvas } : { entry: automatic[i], from: here },
  );
}

function connectTo(state, { subjects, background, ground }) {
  // A picture that only now arrives must not take the edit in progress with it.
  const before = state.subjects;
  const same = subjects.length === before.length && subjects.every(({ source }, i) => source === before[i].source);
  Object.assign(state, { subjects, background, ground: ground ?? { state: background ? "shown" : "none" } });
  if (!same) endEdit(state);
  if (state.selected >= subjects.length) state.selected = -1;
  const { text, arrangement } = state.remembered;
  if (arrangement) state.remembered = { text, arrangement: withSources(arrangement, subjects) };
}

/** Whether Python would bind the arrangement in another way than it is shown, and all is known to write it anew. */
function isUnsettled({ scene: { arrangement }, draft, subjects }) {
  if (!arrangement || draft || !subjects.length) return false;
  const bound = bind(subjects, arrangement);
  const newcomers = subjects.filter((_, i) => !bound[i]);
  if (newcomers.some(({ loading }) => loading)) return false;
  // One whose picture only a run can tell is placed by Python until then.
  if (isInOrder(bound, arrangement) && newcomers.every(({ picture }) => !picture)) return false;
  return arrangement.subjects.every((entry) => entry.source !== "");
}

/** The entries as they stand, in pixels of the present canvas. */
function present({ scene: { arrangement, here, places } }) {
  const same = !arrangement || (arrangement.canvas.width === here.width && arrangement.canvas.height === here.height);
  return places.map(({ entry, box }) => (same ? entry : { ...entry, ...box }));
}

/** The arrangement with these entries for the present subjects; those of pictures not connected are parked. */
function arrangementOf({ scene: { base, here }, subjects }, entries, before) {
  const parked = before ? unbound(subjects, before).map((entry) => rescaled(entry, here, before.canvas)) : [];
  return {
    version: ARRANGEMENT_VERSION,
    base: base === "packed" ? "published" : base,
    canvas: here,
    subjects: entries.map((entry, i) => claimed(entry, subjects[i])),
    parked: parked.slice(0, MAX_PARKED),
  };
}

/** The arrangement of an earlier time, whose entries of pictures not connected are worth keeping. */
function earlier(text) {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof ArrangementError)) throw error;
    return null;
  }
}
