/** What a node shows of each of its runs, below its widgets, from the first run on. */
import { element } from "../page/dom.js";
import { chain } from "./chain.js";
import { locator } from "./sources.js";

const LAID_OUT_MS = 200;

/**
 * `read(output)` gives what a run left of it, or nothing; `build(shown, node)` the element that shows it.
 * `widget` is {name, type, css, height}: height in pixels until the page has laid it out.
 */
export function showAfterRuns(node, app, { widget, read, build }) {
  const show = () => {
    const output = node.graph && app.nodeOutputs[locator(node)];
    const shown = output && read(output);
    if (!shown) return;
    const { element: holder } = node.widgets.find(({ name }) => name === widget.name) ?? addWidget(node, widget);
    holder.replaceChildren(build(shown));
    grow(node);
    setTimeout(() => grow(node), LAID_OUT_MS);
  };
  chain(node, "onExecuted", () => setTimeout(show));
  chain(node, "onConfigure", () => setTimeout(show));
}

/** On the classic canvas a node does not grow with what it shows. */
function grow(node) {
  node.setSize([node.size[0], Math.max(node.size[1], node.computeSize()[1])]);
  node.graph?.setDirtyCanvas(true, true);
}

function addWidget(node, { name, type, css, height }) {
  const holder = element("div", { class: css });
  const widget = node.addDOMWidget(name, type, holder, {
    serialize: false, hideOnZoom: false, getMinHeight: () => holder.firstChild?.offsetHeight || height,
  });
  widget.serialize = false;
  return widget;
}
