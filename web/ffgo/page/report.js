/** What was loaded of a LoRA pair, as a table: one column for each expert. */
import { element } from "./dom.js";

const LINES = [
  ["file", "File"], ["names", "Names"], ["rank", "Rank"], ["alpha", "Alpha"], ["modules", "Modules"],
  ["idle", "Without effect"], ["strength", "Strength"], ["applied", "Applied"], ["made_for", "Made for"],
  ["evidence", "Evidence"],
];

export function reportTable(rows) {
  const experts = rows.map(({ expert }) => element("th", { scope: "col" }, `${expert} noise`));
  const head = element("thead", {}, element("tr", {}, element("td"), ...experts));
  const lines = LINES.filter(([key]) => rows.some((row) => row[key])).map(([key, title]) =>
    element("tr", {}, element("th", { scope: "row" }, title), ...rows.map((row) => element("td", {}, row[key] ?? ""))),
  );
  const body = element("tbody", {}, ...lines);
  return element("table", { class: "ffgo-report", "aria-label": "What was loaded" }, head, body);
}
