/** Shows the report of the LoRA loader on its node. */
import { element } from "../page/dom.js";
import { reportTable } from "../page/report.js";
import { chain } from "./chain.js";
import { locator } from "./sources.js";

export const REPORT_NODE = "FFGOWanMoELoRALoader";
const WIDGET = "ffgo_report";
const FIRST_GUESS = 240;
const LAID_OUT_MS = 200;

/** Show the report of each run on the node, from its first run on. */
export function addReport(node, app) {
  const show = () => {
    const rows = node.graph && app.nodeOutputs[locator(node)]?.ffgo_report;
    if (rows?.length) showReport(node, rows);
  };
  chain(node, "onExecuted", () => setTimeout(show));
  chain(node, "onConfigure", () => setTimeout(show));
}

function showReport(node, rows) {
  const shown = node.widgets.find((widget) => widget.name === WIDGET) ?? addWidget(node);
  shown.element.replaceChildren(reportTable(rows));
  grow(node);
  setTimeout(() => grow(node), LAID_OUT_MS);
}

/** On the classic canvas a node does not grow with what it shows. */
function grow(node) {
  node.setSize([node.size[0], Math.max(node.size[1], node.computeSize()[1])]);
  node.graph?.setDirtyCanvas(true, true);
}

function addWidget(node) {
  const holder = element("div", { class: "ffgo-report-holder" });
  const widget = node.addDOMWidget(WIDGET, "FFGO_REPORT", holder, {
    serialize: false, hideOnZoom: false, getMinHeight: () => holder.firstChild?.offsetHeight || FIRST_GUESS,
  });
  widget.serialize = false;
  return widget;
}
