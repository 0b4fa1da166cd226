/**
 * The editor's element: a toolbar, the frame with its subjects, a line of text, and the subjects that were left out.
 * It shows a model and may be shown more than once (on the node, and large in a dialog). Knows no host.
 */
import { badgeCorner } from "../pure/badges.js";
import { element, icon, setAttributes, setText } from "./dom.js";
import { bounds, corners } from "../pure/geometry.js";
import { createActions, createGestures } from "./gestures.js";
import { paint } from "./painter.js";
import { badgeText, describe, HELP, statusLine, subjectTitle, troubles } from "../pure/words.js";

const CORNERS = { nw: [-1, -1], ne: [1, -1], se: [1, 1], sw: [-1, 1] };
const JUST_NOW_MS = 300;
const TOOLS = [
  ["automatic", "Automatic layout", "Put everything back to the automatic layout"],
  ["flip", "Flip", "Flip left and right (F)"],
  ["forward", "Bring forward", "Bring forward (Page Up)"],
  ["back", "Send back", "Send back (Page Down)"],
  ["crop", "Crop", "Crop to what is visible, or show the whole picture (C, double-click)"],
  ["lock", "Lock", "Lock or unlock (L)"],
  ["leaveOut", "Leave out", "Leave out; it can be brought back (Delete)"],
];
let editors = 0;

/** The editor {element, dispose} of a model; `onLarge` opens it large and may be absent. */
export function createEditor(model, { onLarge } = {}) {
  const life = new AbortController();
  const { signal } = life;
  const id = `ffgo-editor-${++editors}`;
  const parts = build(id, onLarge);
  const { root, stage, frame, canvas, layer, badges, handles, status, live, note, leftOut, tools } = parts;
  const subjects = [];
  let drawing = 0;
  let lostFocus = -Infinity;

  const announce = (text) => setText(live, text);
  const actions = createActions(model, announce);
  const zoom = () => frame.getBoundingClientRect().width / model.scene.canvas[0];
  const toCanvas = (event) => {
    const rect = frame.getBoundingClientRect();
    return [(event.clientX - rect.left) / zoom(), (event.clientY - rect.top) / zoom()];
  };
  const gestures = createGestures({ model, actions, toCanvas, zoom, announce, signal });

  for (const [name, corner] of Object.entries(CORNERS)) gestures.corner(handles.querySelector(`.ffgo-${name}`), corner);
  gestures.turner(handles.querySelector(".ffgo-turn"));
  tools.addEventListener("click", (event) => onTool(event.target.closest("button")), { signal });
  tools.addEventListener("keydown", moveInToolbar, { signal });
  stage.addEventListener("pointerdown", (event) => event.button || model.select(-1), { signal });
  root.addEventListener("focusout", (event) => (lostFocus = event.relatedTarget ? -Infinity : performance.now()), { signal });
  root.addEventListener("pointerenter", listenToWheel, { signal });

  const observer = new ResizeObserver(() => {
    fit();
    schedule();
  });
  observer.observe(stage);
  const unsubscribe = model.subscribe(() => {
    fit();
    schedule();
  });
  update();

  function onTool(button) {
    if (!button || button.getAttribute("aria-disabled") === "true") return;
    gestures.finish();
    const { tool } = button.dataset;
    if (tool === "large") onLarge();
    else if (tool === "automatic") {
      model.useAutomatic();
      announce(`Layout ${model.scene.layout}`);
    } else actions[tool](model.scene.selected);
  }

  /** The toolbar is one stop of the Tab key; arrows move inside it. */
  function moveInToolbar(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const buttons = [...tools.querySelectorAll("button")];
    const next = buttons[(buttons.indexOf(document.activeElement) + step + buttons.length) % buttons.length];
    for (const button of buttons) button.tabIndex = button === next ? 0 : -1;
    next.focus();
  }

  /** While the pointer is here: over the selected subject the wheel scales, and the host must not see it. */
  function listenToWheel() {
    const inside = new AbortController();
    const leave = () => inside.abort();
    window.addEventListener("wheel", onWheel, { signal: inside.signal, capture: true, passive: false });
    root.addEventListener("pointerleave", leave, { signal: inside.signal });
    signal.addEventListener("abort", leave, { signal: inside.signal });
  }

  function onWheel(event) {
    const target = event.target instanceof Element ? event.target.closest(".ffgo-subject, .ffgo-handles") : null;
    const index = target && root.contains(target) ? Number(target.dataset.index) : -1;
    if (index < 0 || index !== model.scene.selected) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    gestures.scaleByWheel(index, event);
  }

  /** The frame at its true aspect, as large as the stage allows. */
  function fit() {
    const [width, height] = model.scene.canvas;
    const scale = Math.min((stage.clientWidth - 16) / width, (stage.clientHeight - 16) / height);
    if (scale <= 0) return;
    const size = [Math.round(width * scale), Math.round(height * scale)];
    setSize(frame.style, size);
    const sharpness = Math.min(2, width / size[0]);
    const pixels = size.map((side) => Math.max(1, Math.round(side * Math.max(sharpness, 1))));
    if (canvas.width !== pixels[0] || canvas.height !== pixels[1]) [canvas.width, canvas.height] = pixels;
  }

  function schedule() {
    drawing ||= requestAnimationFrame(() => {
      drawing = 0;
      update();
    });
  }

  function update() {
    const { scene } = model;
    paint(canvas.getContext("2d"), scene, model.background);
    matchSubjects(scene.places.length);
    const lost = subjects.findIndex(({ box }, i) => box === document.activeElement && !scene.places[i].shown);
    const scale = parseFloat(frame.style.width) / scene.canvas[0] || 0;
    const edges = scene.places.map((place) => scaled(bounds(corners(place.box, place.angle)), scale));
    for (const place of scene.places) showSubject(subjects[place.index], place, scene, scale, edges);
    showHandles(scene, scale);
    if (scene.editing) return;
    setText(status, statusLine(scene));
    showTools(scene);
    showLeftOut(scene);
    if (lost >= 0) leftOut.querySelector(`[data-index="${lost}"]`).focus({ preventScroll: true });
    note.hidden = !scene.note;
    if (scene.note) setText(note.firstChild, noteText(scene));
  }

  function matchSubjects(count) {
    while (subjects.length > count) {
      const { box, badge, life: own } = subjects.pop();
      own.abort();
      box.remove();
      badge.remove();
    }
    while (subjects.length < count) {
      const made = buildSubject(id);
      signal.addEventListener("abort", () => made.life.abort(), { signal: made.life.signal });
      gestures.subject(subjects.length, made.box, made.life.signal);
      layer.append(made.box);
      badges.append(made.badge);
      subjects.push(made);
    }
  }

  function showSubject({ box, badge }, place, scene, scale, edges) {
    const selected = place.index === scene.selected;
    box.hidden = !place.shown;
    setBox(box.style, place, scale);
    box.style.zIndex = selected ? 500 : scene.order.indexOf(place.index);
    const wrong = troubles(place).length > 0;
    box.className = `ffgo-subject${wrong ? " is-wrong" : ""}${selected ? " is-selected" : ""}`;
    badge.className = `ffgo-badge ${place.enough === false ? "is-few" : "is-enough"}`;
    setText(badge, `${place.index + 1} ${place.locked ? "locked " : ""}${badgeText(place)}`);
    badge.hidden = !place.shown;
    const others = edges.filter((_, i) => i !== place.index && scene.places[i].shown);
    const [x, y] = badgeCorner(edges[place.index], others, scene.canvas.map((side) => side * scale));
    badge.style.transform = `translate(${x}px, ${y}px)`;
    if (scene.editing) return;
    setAttributes(box, { "aria-label": describe(place), "aria-pressed": selected, "data-index": place.index, title: describe(place) });
  }

  function showHandles(scene, scale) {
    const place = scene.places[scene.selected];
    handles.hidden = !place || !place.shown || place.locked || Boolean(scene.note);
    if (handles.hidden) return;
    handles.dataset.index = place.index;
    setBox(handles.style, place, scale);
  }

  function showTools(scene) {
    const place = scene.places[scene.selected];
    for (const button of tools.querySelectorAll("button")) {
      const { tool } = button.dataset;
      if (tool === "automatic") setAttributes(button, { "aria-disabled": String(scene.automatic) });
      else if (tool !== "large") setAttributes(button, { "aria-disabled": String(!place?.shown || Boolean(scene.note)) });
      if (tool === "lock") setAttributes(button, { "aria-pressed": Boolean(place?.locked) });
      if (tool === "flip") setAttributes(button, { "aria-pressed": Boolean(place?.flip) });
    }
  }

  function showLeftOut(scene) {
    const hidden = scene.places.filter((place) => !place.shown);
    leftOut.hidden = !hidden.length;
    const wanted = hidden.map((place) => place.index).join();
    if (leftOut.dataset.shown === wanted) return;
    leftOut.dataset.shown = wanted;
    leftOut.replaceChildren("Left out:", ...hidden.map(bringBackButton));
  }

  function bringBackButton(place) {
    const name = `${subjectTitle(place)}${place.subject.name ? ` (${place.subject.name})` : ""}`;
    const label = `Bring back ${name}`;
    const attributes = { type: "button", class: "ffgo-chip", "data-index": place.index, "aria-label": label, title: label };
    const button = element("button", attributes, icon("bringBack"), subjectTitle(place));
    button.addEventListener("click", () => {
      actions.bringBack(place.index);
      subjects[place.index].box.focus({ preventScroll: true });
    });
    return button;
  }

  return {
    element: root,

    /** Whether the keyboard's focus is here, or was a moment ago and went nowhere else. */
    get hasFocus() {
      return root.contains(document.activeElement) || performance.now() - lostFocus < JUST_NOW_MS;
    },

    /** Put the keyboard's focus on the selected subject. */
    focus() {
      update();
      const chosen = subjects[model.scene.selected];
      (chosen?.box ?? tools.querySelector("[tabindex='0']")).focus({ preventScroll: true });
    },

    dispose() {
      gestures.finish();
      life.abort();
      unsubscribe();
      observer.disconnect();
      cancelAnimationFrame(drawing);
      [canvas.width, canvas.height] = [0, 0];
    },
  };
}

const noteText = (scene) =>
  `The saved arrangement cannot be used: ${scene.note}. Its text is kept, and the automatic layout is shown. ` +
  "A run stops until you choose another layout, or press Automatic layout to start anew.";

function build(id, onLarge) {
  const tool = ([name, label, tip], i) => {
    const attributes = { type: "button", class: "ffgo-tool", "data-tool": name, "aria-label": label, title: tip };
    const text = element("span", { class: "ffgo-tool-label" }, label);
    return element("button", { ...attributes, tabindex: i ? -1 : 0 }, icon(name), text);
  };
  const offered = onLarge ? [...TOOLS, ["large", "Open large", "Open the editor large"]] : TOOLS;
  const tools = element("div", { class: "ffgo-tools", role: "toolbar", "aria-label": "Frame editor tools" }, ...offered.map(tool));
  const canvas = element("canvas", { class: "ffgo-pixels", "aria-hidden": "true" });
  const layer = element("div", { class: "ffgo-layer", role: "group", "aria-label": "Subjects in the frame" });
  const badges = element("div", { class: "ffgo-layer ffgo-badges", "aria-hidden": "true" });
  const handles = element("div", { class: "ffgo-handles", "aria-hidden": "true" });
  for (const name of Object.keys(CORNERS)) handles.append(element("div", { class: `ffgo-handle ffgo-${name}`, title: "Drag to scale" }));
  handles.append(element("div", { class: "ffgo-handle ffgo-turn", title: "Drag to turn; Shift for any angle" }, icon("turn")));
  const frame = element("div", { class: "ffgo-frame" }, canvas, layer, badges, handles);
  const stage = element("div", { class: "ffgo-stage" }, frame);
  const note = element("div", { class: "ffgo-note", role: "alert", hidden: true }, document.createTextNode(""));
  const status = element("div", { class: "ffgo-status" });
  const leftOut = element("div", { class: "ffgo-left-out", role: "group", "aria-label": "Subjects left out", hidden: true });
  const live = element("div", { class: "ffgo-unseen", role: "status", "aria-live": "polite" });
  const help = element("div", { class: "ffgo-unseen", id: `${id}-help` }, HELP);
  const root = element(
    "div",
    { class: "ffgo-editor", role: "group", "aria-label": "Frame editor", "aria-describedby": `${id}-help` },
    tools, note, stage, status, leftOut, live, help,
  );
  return { root, tools, stage, frame, canvas, layer, badges, handles, note, status, leftOut, live };
}

function buildSubject(id) {
  const badge = element("span", { class: "ffgo-badge" });
  const box = element("div", { class: "ffgo-subject", role: "button", tabindex: 0, "aria-describedby": `${id}-help` });
  return { box, badge, life: new AbortController() };
}

const scaled = ({ left, top, right, bottom }, scale) => ({
  left: left * scale, top: top * scale, right: right * scale, bottom: bottom * scale,
});

function setSize(style, [width, height]) {
  style.width = `${width}px`;
  style.height = `${height}px`;
}

function setBox(style, { box, angle }, scale) {
  setSize(style, [box.width * scale, box.height * scale]);
  style.transform = `translate(${box.x * scale}px, ${box.y * scale}px) rotate(${angle}deg)`;
}
