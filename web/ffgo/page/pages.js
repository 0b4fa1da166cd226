/** The canvases of a memory as tabs, with a badge on each subject that says what it gains. */
import { gainBadge, gainTip, pageTab, pageTold } from "../pure/words.js";
import { moveByArrows } from "./arrows.js";
import { element, setAttributes } from "./dom.js";

let made = 0;

/**
 * An element that shows pages: [{url, width, height, subjects: [{name, x, y, pixels, gain}]}], pixels of the canvas.
 * `chosen` is the number of the one that is shown first, and `onChoose(number)` hears which one is shown.
 */
export function memoryPages(pages, { chosen, onChoose }) {
  const id = `ffgo-page-${(made += 1)}`;
  const attributes = { type: "button", role: "tab", class: "ffgo-tab", "aria-controls": id };
  const tabs = pages.map((page, number) => element("button", attributes, pageTab(page, number)));
  const row = element("div", { class: "ffgo-tabs", role: "tablist", "aria-label": "Canvases of the memory" }, ...tabs);
  const panel = element("div", { id, class: "ffgo-page", role: "tabpanel", tabindex: 0 });

  function show(number) {
    tabs.forEach((tab, i) => setAttributes(tab, { "aria-selected": i === number, tabindex: i === number ? 0 : -1 }));
    setAttributes(panel, { "aria-label": tabs[number].textContent });
    fill(panel, pages[number]);
    onChoose(number);
  }

  for (const [number, tab] of tabs.entries()) {
    tab.addEventListener("click", () => show(number));
    tab.addEventListener("focus", () => show(number));
  }
  moveByArrows(row, () => tabs);
  show(Math.min(chosen, pages.length - 1));
  return element("div", { class: "ffgo-pages" }, row, panel);
}

function fill(panel, page) {
  panel.style.aspectRatio = `${page.width} / ${page.height}`;
  const picture = element("img", { src: page.url, alt: pageTold(page), draggable: "false" });
  panel.replaceChildren(picture, ...page.subjects.map((subject) => badge(subject, page)));
}

function badge(subject, { width, height }) {
  const label = element("span", { class: "ffgo-badge", title: gainTip(subject) }, gainBadge(subject));
  label.style.left = `${(100 * Math.max(0, subject.x)) / width}%`;
  label.style.top = `${(100 * Math.max(0, subject.y)) / height}%`;
  label.classList.toggle("is-few", subject.gain !== null && subject.gain < 1);
  return label;
}
