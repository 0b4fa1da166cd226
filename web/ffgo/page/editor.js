/**
 * The editor's element: a toolbar, the cast, the frame with its subjects, a line of text, and the subjects that were
 * left out.
 * It shows a model and may be shown more than once (on the node, and large in a dialog). Knows no host.
 */
import { HELP, statusLine } from "../pure/words.js";
import { createActions } from "./actions.js";
import { createCast } from "./cast.js";
import { element, setText } from "./dom.js";
import { listenToDrops } from "./dropzone.js";
import { createFrame } from "./frame.js";
import { createGestures } from "./gestures.js";
import { createHandles } from "./handles.js";
import { createHints } from "./hints.js";
import { createLeftOut } from "./left_out.js";
import { createSubjects } from "./subjects.js";
import { createToolbar } from "./toolbar.js";
import { listenToWheel } from "./wheel.js";

const JUST_NOW_MS = 300;
let editors = 0;

/**
 * The editor {element, dispose} of a model. `onLarge` opens it large and may be absent; `onFiles(files, point, say)`
 * takes the pictures that are dropped or pasted, and says what comes of it; so does `onMember(label, point, say)` with
 * somebody of the cast, and resolves to whether it was taken. `listCast` is that of createCast.
 */
export function createEditor(model, { onLarge, onFiles, onMember, listCast }) {
  const life = new AbortController();
  const { signal } = life;
  const parts = build(model, { onLarge, onMember, listCast, signal });
  const { root, frame, toolbar, subjects, gestures, say, take } = parts;
  let drawing = 0;
  let lostFocus = -Infinity;

  frame.stage.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    model.select(-1);
    root.focus({ preventScroll: true }); // so that what is pasted comes here
  }, { signal });
  root.addEventListener("pointerdown", () => say(""), { signal });
  const { toCanvas } = frame;
  listenToDrops(root, { toCanvas, onFiles: (files, point) => onFiles(files, point, say), onMember: take, signal });
  root.addEventListener("focusout", ({ relatedTarget }) => {
    lostFocus = relatedTarget ? -Infinity : performance.now();
  }, { signal });
  listenToWheel(root, model, gestures.scaleByWheel, signal);
  const observer = new ResizeObserver(fitAndSchedule);
  observer.observe(frame.stage);
  const unsubscribe = model.subscribe(fitAndSchedule);
  update();

  function update() {
    show(parts, model.scene);
  }

  function fitAndSchedule() {
    frame.fit();
    drawing ||= requestAnimationFrame(() => {
      drawing = 0;
      update();
    });
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
      (subjects.boxOf(model.scene.selected) ?? toolbar.stop).focus({ preventScroll: true });
    },

    dispose() {
      gestures.finish();
      life.abort();
      unsubscribe();
      observer.disconnect();
      cancelAnimationFrame(drawing);
      frame.dispose();
    },
  };
}

/** All parts of an editor, tied to its model and to each other. */
function build(model, { onLarge, onMember, listCast, signal }) {
  const helpId = `ffgo-editor-${++editors}-help`;
  const live = element("div", { class: "ffgo-unseen", role: "status", "aria-live": "polite" });
  const announce = (text) => setText(live, text);
  const actions = createActions(model, announce);
  const frame = createFrame(model);
  const { toCanvas, zoom } = frame;
  const gestures = createGestures({ model, actions, toCanvas, zoom, announce, signal });
  const take = async (label, point = null) => {
    if (await onMember(label, point, say)) announce(`${label} is in the frame`);
  };
  const cast = createCast({ list: listCast, onMember: take, signal });
  const { finish } = gestures;
  const toolbar = createToolbar({ model, actions, finish, announce, onCast: cast.toggle, onLarge, signal });
  const subjects = createSubjects({ gestures, helpId, signal });
  const handles = createHandles({ model, gestures, toCanvas });
  const leftOut = createLeftOut((index) => {
    actions.bringBack(index);
    subjects.boxOf(index).focus({ preventScroll: true });
  });
  const hints = createHints();
  frame.cover(handles.reach, hints.element, subjects.layer, subjects.badges, handles.element);
  const note = element("div", { class: "ffgo-note", role: "alert", hidden: true }, document.createTextNode(""));
  const said = element("div", { class: "ffgo-note", role: "alert", hidden: true });
  const say = (text) => {
    said.hidden = !text;
    setText(said, text);
  };
  const status = element("div", { class: "ffgo-status" });
  const help = element("div", { class: "ffgo-unseen", id: helpId }, HELP);
  const root = element(
    "div",
    { class: "ffgo-editor", role: "group", "aria-label": "Frame editor", "aria-describedby": helpId, tabindex: -1 },
    toolbar.element, cast.element, note, said, frame.stage, status, leftOut.element, live, help,
  );
  return { root, frame, gestures, toolbar, subjects, handles, hints, leftOut, note, say, take, status };
}

/** Show a scene in all parts; words and buttons wait until an edit is finished. */
function show({ frame, toolbar, subjects, handles, hints, leftOut, note, status }, scene) {
  frame.paint();
  const { scale } = frame;
  const lost = subjects.show(scene, scale);
  handles.show(scene, scale);
  if (scene.editing) return;
  setText(status, statusLine(scene));
  hints.show(scene);
  toolbar.show(scene);
  leftOut.show(scene);
  if (lost >= 0) leftOut.focus(lost);
  note.hidden = !scene.note;
  if (scene.note) setText(note.firstChild, noteText(scene));
}

const noteText = (scene) =>
  `The saved arrangement cannot be used: ${scene.note}. Its text is kept, and the automatic layout is shown. ` +
  "A run stops until you choose another layout, or press Automatic layout to start anew.";
