/**
 * The editor's state: what is connected, what the widgets say, and the edit in progress. It reads and writes the
 * node's widgets through `port` and tells its listeners when there is something new to see. No page, no host.
 *
 * port.read() -> {layout, preset, width, height, backgroundFit, maxUpscale, gap, arrangement: text}
 * port.write({layout, arrangement}) -> one step of the host's undo
 * port.visibleShares(scene) -> the part of each subject that no other covers
 */
import { ArrangementError, parse, rescaled, VERSION, write } from "./arrangement.js";
import { bind, claimed, isInOrder } from "./binding.js";
import { canvasSize } from "./geometry.js";
import { automaticEntries, buildScene, withCover } from "./scene.js";

const CUSTOM = "custom";
const MAX_PARKED = 64;
const NO_GUIDES = { across: [], down: [] };

export function createModel(port) {
  const listeners = new Set();
  let subjects = [];
  let background = null;
  let selected = -1;
  let draft = null;
  let guides = NO_GUIDES;
  let remembered = { text: "", arrangement: null };
  let scene;

  refresh();

  function refresh() {
    const settings = port.read();
    const canvas = canvasSize(settings.preset, settings.width, settings.height);
    const here = { width: canvas[0], height: canvas[1] };
    const automatic = settings.layout !== CUSTOM;
    const { arrangement, note } = automatic ? { arrangement: null, note: null } : read(settings.arrangement);
    const base = automatic ? settings.layout : (arrangement?.base ?? "published");
    const items = draft
      ? draft.map((entry) => ({ entry, from: here }))
      : itemsOf(arrangement, automaticEntries(subjects, canvas, base, settings), here);
    const stretch = base === "script" || settings.backgroundFit === "stretch";
    const laid = buildScene({ canvas, subjects, items, background, stretch });
    const built = draft ? laid : withCover(laid, port.visibleShares(laid));
    scene = { ...built, here, layout: settings.layout, automatic, base, note, arrangement, guides, selected, editing: draft !== null };
    for (const listener of listeners) listener(scene);
  }

  /** The arrangement that the layout "custom" asks for, or a note why it cannot be used. */
  function read(text) {
    if (remembered.text === text) return { arrangement: remembered.arrangement, note: null };
    try {
      remembered = { text, arrangement: withSources(parse(text)) };
    } catch (error) {
      if (!(error instanceof ArrangementError)) throw error;
      return { arrangement: null, note: error.message };
    }
    return { arrangement: remembered.arrangement, note: null };
  }

  /** A text written by hand names no sources: its entries belong to the inputs as they are connected now. */
  function withSources(arrangement) {
    if (arrangement?.subjects.length !== subjects.length) return arrangement;
    const bound = bind(subjects, arrangement);
    const sourced = (entry) => {
      const i = bound.indexOf(entry);
      return entry.source === "" && i >= 0 ? claimed(entry, subjects[i]) : entry;
    };
    return { ...arrangement, subjects: arrangement.subjects.map(sourced), parked: arrangement.parked.map(sourced) };
  }

  function itemsOf(arrangement, automatic, here) {
    const bound = arrangement ? bind(subjects, arrangement) : subjects.map(() => null);
    return bound.map((entry, i) =>
      entry ? { entry: claimed(entry, subjects[i]), from: arrangement.canvas } : { entry: automatic[i], from: here },
    );
  }

  /** The entries as they stand, in pixels of the present canvas. */
  function present() {
    const { arrangement, here, places } = scene;
    const same = !arrangement || (arrangement.canvas.width === here.width && arrangement.canvas.height === here.height);
    return places.map(({ entry, box }) => (same ? entry : { ...entry, ...box }));
  }

  /** The arrangement with these entries for the present subjects; those of pictures not connected are parked. */
  function arrangementOf(entries, before) {
    return {
      version: VERSION,
      base: scene.base === "packed" ? "published" : scene.base,
      canvas: scene.here,
      subjects: entries.map((entry, i) => claimed(entry, subjects[i])),
      parked: before ? unused(before).map((entry) => rescaled(entry, scene.here, before.canvas)).slice(0, MAX_PARKED) : [],
    };
  }

  function unused(arrangement) {
    const used = new Set(bind(subjects, arrangement));
    return [...arrangement.subjects, ...arrangement.parked].filter((entry) => !used.has(entry));
  }

  function put(arrangement) {
    draft = null;
    guides = NO_GUIDES;
    port.write({ layout: CUSTOM, arrangement: write(arrangement) });
    refresh();
  }

  return {
    get scene() {
      return scene;
    },

    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },

    /** The background {size, picture}, or null. */
    get background() {
      return background;
    },

    /** What is connected: subjects {source, name, fingerprint, picture, loading}, background {size, ...} or null. */
    connect(next) {
      // A picture that only now arrives must not take the edit in progress with it.
      const same = next.subjects.length === subjects.length && next.subjects.every(({ source }, i) => source === subjects[i].source);
      ({ subjects, background } = next);
      if (!same) {
        draft = null;
        guides = NO_GUIDES;
      }
      if (selected >= subjects.length) selected = -1;
      if (remembered.arrangement) remembered = { ...remembered, arrangement: withSources(remembered.arrangement) };
      refresh();
    },

    refresh,

    /** Keep the arrangement in the order of the inputs, so that Python binds it as it is shown. */
    settle() {
      const { arrangement } = scene;
      if (!arrangement || draft || !subjects.length) return;
      const bound = bind(subjects, arrangement);
      const newcomers = subjects.filter((_, i) => !bound[i]);
      if (newcomers.some(({ loading }) => loading)) return;
      // One whose picture only a run can tell is placed by Python until then.
      if (isInOrder(bound, arrangement) && newcomers.every(({ picture }) => !picture)) return;
      if (arrangement.subjects.some((entry) => entry.source === "")) return;
      put(arrangementOf(present(), arrangement));
    },

    select(index) {
      if (index === selected || index >= subjects.length) return;
      selected = index;
      refresh();
    },

    /** Show an edit that is not finished: `change` takes all entries, in pixels of the canvas, and returns them anew. */
    preview(change, newGuides = NO_GUIDES) {
      if (scene.note) return;
      draft = change(draft ?? present());
      guides = newGuides;
      refresh();
    },

    /** Write the edit in progress, if there is one. */
    commit() {
      if (!draft) return;
      put(arrangementOf(draft, scene.arrangement ?? earlier(port.read().arrangement)));
    },

    cancel() {
      draft = null;
      guides = NO_GUIDES;
      refresh();
    },

    /** The automatic layout that the arrangement was made from. The text is kept, unless it cannot be read. */
    useAutomatic() {
      draft = null;
      guides = NO_GUIDES;
      port.write({ layout: scene.base, arrangement: scene.note ? "" : port.read().arrangement });
      refresh();
    },
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
