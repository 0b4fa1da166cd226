/**
 * Ties an editor to one FFGo Compose Canvas node: its widgets, its inputs, its results and its end. Is handed the
 * host's app; hooks of the node are chained, never replaced.
 */
import { createEditor } from "../page/editor.js";
import { createModel } from "../pure/model.js";
import { visibleShares } from "../page/painter.js";
import { asRecipe, backgroundSource, layersBySource, locator, subjectSources, widgetFor } from "./sources.js";

export const COMPOSE_NODE = "FFGOComposeCanvas";
const MIN_HEIGHT = 330;
const MIN_WIDTH = 440;
const DEFAULTS = {
  layout: "published", preset: "custom", width: 1280, height: 720, background_fit: "keep_aspect", max_upscale: 1, gap: 0,
  arrangement: "",
};

/** A run's layers by the sources that they came from, kept from when they came. */
const runs = new WeakMap();

/** Add the editor to a node that has just been made; {model, refresh, dispose}. */
export function addEditor(node, { app, pictures, openLarge }) {
  const widget = (name) => (node.graph ? widgetFor(app, node, name) : node.widgets.find((one) => one.name === name));
  const valueOf = (name) => widget(name)?.value ?? DEFAULTS[name];
  let writing = false;
  let waiting = 0;
  const afterwards = [];
  let gone = false;

  const model = createModel({ read, write, visibleShares });
  const editor = createEditor(model, { onLarge: () => openLarge(node) });
  const shown = node.addDOMWidget("editor", "FFGO_EDITOR", editor.element, {
    serialize: false, hideOnZoom: false, getMinHeight: () => MIN_HEIGHT, margin: 6,
  });
  shown.serialize = false; // it is the last widget: where one before others is not saved, the host mixes up their values
  // The editor shows the frame: no second picture of it under the node, in Nodes 2.0 and on the classic canvas.
  node.hideOutputImages = true;
  node.onDrawBackground = () => {};
  node.setSize([Math.max(node.size[0], MIN_WIDTH), Math.max(node.size[1], node.computeSize()[1])]);
  for (const own of node.widgets.filter(({ name }) => name in DEFAULTS)) {
    chain(own, "callback", () => writing || model.refresh());
  }
  for (const hook of ["onConnectionsChange", "onConfigure", "onExecuted", "onAdded"]) chain(node, hook, () => later());

  function read() {
    return {
      layout: valueOf("layout"), preset: valueOf("preset"), width: valueOf("width"), height: valueOf("height"),
      backgroundFit: valueOf("background_fit"), maxUpscale: valueOf("max_upscale"), gap: valueOf("gap"),
      arrangement: String(valueOf("arrangement")),
    };
  }

  /** One step of the host's undo. */
  function write({ layout, arrangement }) {
    writing = true;
    app.canvas.emitBeforeChange();
    for (const [name, value] of [["layout", layout], ["arrangement", arrangement]]) {
      const there = widget(name);
      if (!there || there.value === value) continue;
      there.value = value;
      there.callback?.(value);
    }
    app.canvas.emitAfterChange();
    writing = false;
    app.rootGraph.setDirtyCanvas(true, true);
  }

  /** Look at the inputs once the change of the graph that is going on is complete, and `then` do something. */
  function later(then) {
    if (typeof then === "function") afterwards.push(then);
    waiting ||= setTimeout(() => {
      waiting = 0;
      refresh();
      for (const act of afterwards.splice(0)) act();
    });
  }

  function refresh() {
    if (gone || !node.graph) return;
    const results = app.nodeOutputs[locator(node)];
    const subjects = subjectSources(app, node, layersOf(results?.ffgo_layers)).map(withPicture);
    model.connect({ subjects, background: background(results?.ffgo_background?.[0]) });
    model.settle();
  }

  function layersOf(layers) {
    if (!layers) return null;
    if (!runs.has(layers)) runs.set(layers, layersBySource(app, node, layers));
    return runs.get(layers);
  }

  function withPicture({ source, name, recipe, fingerprint }) {
    const picture = recipe && present(recipe);
    const awaited = Boolean(recipe) && !picture;
    const missing = awaited && pictures.get(recipe) === null;
    return { source, name, fingerprint, picture, missing, loading: awaited && !missing };
  }

  /** What is connected, or else what the last run drew. */
  function background(drawn) {
    const source = backgroundSource(app, node);
    const recipe = source && (source.recipe ?? (drawn && asRecipe(drawn)));
    const picture = recipe && present(recipe);
    return picture ? { size: picture.size, picture } : null;
  }

  /** The picture, which is asked for if it is not there yet. */
  function present(recipe) {
    const picture = pictures.get(recipe);
    if (picture === undefined) pictures.load(recipe).then(later);
    return picture ?? null;
  }

  return {
    model,
    editor,
    later,
    dispose() {
      gone = true;
      clearTimeout(waiting);
      editor.dispose();
    },
  };
}

/** Call `after` whenever the object's method has been called. */
export function chain(object, method, after) {
  const before = object[method];
  object[method] = function (...args) {
    const result = before?.apply(this, args);
    after.apply(this, args);
    return result;
  };
}
