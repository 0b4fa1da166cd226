/** Radio buttons in rows: one row a video, one column an answer. */

import { element } from "./dom.js";

/** One row. options: [value, text]; chosen: told the value. The row's `show` marks a value, or none. */
export function choiceRow({ name, legend, options, chosen }) {
  const inputs = options.map(([value]) =>
    element("input", { type: "radio", name, value: String(value), onchange: () => chosen(value) }),
  );
  const labels = options.map(([, text], index) => element("label", {}, inputs[index], text));
  const row = element("fieldset", { class: "row" }, element("legend", {}, legend), ...labels);
  row.show = (value) => {
    for (const input of inputs) input.checked = input.value === String(value);
  };
  row.firstInput = inputs[0];
  return row;
}

/** A question with its rows. */
export function questionOf({ title, text, ends }, rows) {
  const words = [element("p", {}, text), ...(ends ? [element("p", {}, ends)] : [])];
  return element("fieldset", { class: "question" }, element("legend", {}, title), ...words, ...rows);
}
