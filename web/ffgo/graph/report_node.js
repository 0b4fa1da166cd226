/** Shows the report of the LoRA loader on its node. */
import { reportTable } from "../page/report.js";
import { showAfterRuns } from "./after_run.js";

export const REPORT_NODE = "FFGOWanMoELoRALoader";
const WIDGET = { name: "ffgo_report", type: "FFGO_REPORT", css: "ffgo-report-holder", height: 240 };

/** Show the report of each run on the node, from its first run on. */
export function addReport(node, app) {
  const read = ({ ffgo_report: rows }) => (rows?.length ? rows : null);
  showAfterRuns(node, app, { widget: WIDGET, read, build: reportTable });
}
