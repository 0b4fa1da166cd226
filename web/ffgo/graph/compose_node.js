/**
 * Ties an editor to one FFGo Compose Canvas node: its widgets, its inputs, its results and its end. Is handed the
 * host's app; hooks of the node are chained, never replaced.
 */
import { createEditor } from "../page/editor.js";
import { visibleShares } from "../page/painter.js";
import { DEFAULTS } from "../pure/constants.js";
import { createModel } from "../pure/model.js";
import { chain } from "./chain.js";
import { createReceiver } from "./drop.js";
import { connectedInputs } from "./inputs.js";
import { createWidgetPort } from "./widgets.js";

export const COMPOSE_NODE = "FFGOComposeCanvas";
const MIN_HEIGHT = 330;
const MIN_WIDTH = 440;

/**
 * Add the editor to a node that has just been made; {model, editor, takes, refresh, minAlpha, later, dispose}.
 * `host` is {app, fetchApi, createNode, pictures, cast}.
 */
export function addEditor(node, host, openLarge) {
  const { app, pictures, cast } = host;
  const port = createWidgetPort(node, app);
  const model = createModel({ read: port.read, write: port.write, visibleShares });
  const minAlpha = () => port.read().minAlpha;
  const takes = createReceiver(node, host, { model, refresh, minAlpha });
  const editor = createEditor(model, { onLarge: () => openLarge(node), ...takes });
  const afterwards = [];
  let waiting = 0;
  let gone = false;

  show(node, editor);
  for (const own of node.widgets.filter(({ name }) => name in DEFAULTS)) {
    // What counts as seen is measured on the pictures, so these are asked for anew.
    const look = own.name === "min_alpha" ? () => later() : model.refresh;
    chain(own, "callback", () => port.isWriting() || look());
  }
  for (const hook of ["onConnectionsChange", "onConfigure", "onExecuted", "onAdded"]) chain(node, hook, () => later());

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
    const onPicture = () => later();
    model.connect(connectedInputs(node, { app, pictures, cast, minAlpha: minAlpha(), onPicture }));
    model.settle();
  }

  return {
    model,
    editor,
    takes,
    refresh,
    minAlpha,
    later,
    dispose() {
      gone = true;
      clearTimeout(waiting);
      editor.dispose();
    },
  };
}

/** Give the editor its place on the node. */
function show(node, editor) {
  const shown = node.addDOMWidget("editor", "FFGO_EDITOR", editor.element, {
    serialize: false, hideOnZoom: false, getMinHeight: () => MIN_HEIGHT, margin: 6,
  });
  // It is the last widget: where one before others is not saved, the host mixes up their values.
  shown.serialize = false;
  // The editor shows the frame: no second picture of it under the node, in Nodes 2.0 and on the classic canvas.
  node.hideOutputImages = true;
  node.onDrawBackground = () => {};
  node.setSize([Math.max(node.size[0], MIN_WIDTH), Math.max(node.size[1], node.computeSize()[1])]);
}
