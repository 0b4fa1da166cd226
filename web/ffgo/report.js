/** The report of the LoRA loader as a table on its node. */
import { chain } from "./compose_node.js";
import { element } from "./dom.js";

export const REPORT_NODE = "FFGOWanMoELoRALoader";

export function addReport(node) {
  chain(node, "onExecuted", () => element("table"));
}
