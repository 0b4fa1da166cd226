/** Small helpers to make elements. */

const SVG = "http://www.w3.org/2000/svg";

/** Paths of the icons on a 16 x 16 grid, drawn with the text's colour. */
const ICONS = {
  automatic: "M2 13 9 6M8 3v2M12.5 4.5 11 6M13 8h-2M4 3.5v3M2.5 5h3",
  flip: "M8 2v12M6 4 2 12h4zM10 4l4 8h-4z",
  forward: "M8 13V3M4 7l4-4 4 4",
  back: "M8 3v10M4 9l4 4 4-4",
  crop: "M4 1v11h11M1 4h11v11",
  lock: "M4 7h8v6H4zM5.5 7V5a2.5 2.5 0 0 1 5 0v2",
  leaveOut: "M2 8s2.5-4 6-4 6 4 6 4-2.5 4-6 4-6-4-6-4zM2.5 13.5l11-11",
  bringBack: "M2 8s2.5-4 6-4 6 4 6 4-2.5 4-6 4-6-4-6-4zM8 6.5a1.5 1.5 0 1 0 0 3 1.5 1.5 0 0 0 0-3z",
  large: "M9.5 2H14v4.5M14 2 9 7M6.5 14H2V9.5M2 14l5-5",
  cast: "M8 5A2 2 0 1 1 4 5a2 2 0 0 1 4 0zM2 13c0-5 8-5 8 0M10.5 7a2 2 0 1 0-.5-3.8M11.5 9.5C13 10 14 11 14 13",
  close: "M3 3l10 10M13 3 3 13",
  turn: "M12.5 6A5 5 0 1 0 13 9M13 2.5V6H9.5",
};

/** An element with attributes; a value of null or false leaves the attribute out. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  setAttributes(made, attributes);
  made.append(...children);
  return made;
}

/** Set attributes, touching only what changes. Those for assistive technology say "true" and "false". */
export function setAttributes(target, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    const spelled = typeof value === "boolean" && name.startsWith("aria-") ? String(value) : value;
    const text = spelled === true ? "" : spelled;
    if (text === null || text === undefined || text === false) target.removeAttribute(name);
    else if (target.getAttribute(name) !== String(text)) target.setAttribute(name, text);
  }
}

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  setAttributes(svg, { viewBox: "0 0 16 16", "aria-hidden": "true", class: "ffgo-icon" });
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

export function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

/** A size [width, height] in pixels of the page. */
export function setSize(style, [width, height]) {
  style.width = `${width}px`;
  style.height = `${height}px`;
}

/** A place of the frame, turned about its middle, at `scale` pixels of the page for one of its own. */
export function setBox(style, { box, angle }, scale) {
  setSize(style, [box.width * scale, box.height * scale]);
  style.transform = `translate(${box.x * scale}px, ${box.y * scale}px) rotate(${angle}deg)`;
}
