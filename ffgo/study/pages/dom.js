/** Small helpers for building the page. */

/** An element. attributes: on<event> adds a listener, true and false switch; children: nodes and texts. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

/** Show a view in place of the one before, and let the reader begin at its heading. */
export function show(title, heading, ...children) {
  const first = element("h1", { tabindex: "-1" }, heading);
  document.title = `${heading} – ${title}`;
  document.getElementById("main").replaceChildren(first, ...children);
  window.scrollTo(0, 0);
  first.focus();
}

/** Say something at the foot of the page, which screen readers read out. */
export function say(text) {
  const status = document.getElementById("status");
  if (status.textContent !== text) status.textContent = text;
}

export function paragraphs(texts) {
  return texts.map((text) => element("p", {}, text));
}
