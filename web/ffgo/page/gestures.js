/** Pointer, wheel and keys on a subject, turned into edits of the model. */
import { scaledBox } from "../pure/edit.js";
import { changed } from "./actions.js";
import { follow } from "./drag.js";
import { ACTION_KEYS, pressed } from "./keys.js";
import { listenToFingers } from "./pinch.js";

const WHEEL_REST_MS = 250;

/**
 * Listen to a subject's element and the handles. `toCanvas(event)` gives a pointer's place in pixels of the frame,
 * `zoom()` the screen pixels for one of them. All listeners end with `signal`.
 */
export function createGestures({ model, actions, toCanvas, zoom, announce, signal }) {
  const held = { wheel: null, typing: false }; // edits that are shown and not written yet
  const gesture = { model, toCanvas, zoom, editable, finish, signal };
  const placeOf = (index) => model.scene.places[index];
  signal.addEventListener("abort", () => clearTimeout(held.wheel?.timer));

  function editable(index) {
    const place = placeOf(index);
    if (place.locked) announce("The subject is locked. Press L to unlock it.");
    return !place.locked && !model.scene.note;
  }

  /** Write what the wheel or a held key has done so far. */
  function finish() {
    if (!held.wheel && !held.typing) return;
    clearTimeout(held.wheel?.timer);
    Object.assign(held, { wheel: null, typing: false });
    model.commit();
  }

  function scaleByWheel(index, event) {
    if (!editable(index)) return;
    if (held.wheel?.index !== index) {
      finish();
      held.wheel = { ...placeOf(index), factor: 1 };
    }
    const { wheel } = held;
    clearTimeout(wheel.timer);
    const pixels = event.deltaMode ? event.deltaY * 33 : event.deltaY;
    wheel.factor *= Math.exp(-pixels * (event.ctrlKey ? 0.01 : 0.001));
    model.preview(changed(index, scaledBox(wheel.box, wheel.crop, wheel.factor, model.scene.canvas)));
    wheel.timer = setTimeout(finish, WHEEL_REST_MS);
  }

  /** A key held down is one edit, written when it is let go. */
  function onKey(index, event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const action = ACTION_KEYS[event.key];
    const values = action ? null : pressed(placeOf(index), event, model.scene.canvas);
    const leave = event.key === "Escape" && model.scene.selected >= 0;
    if (!action && !values && !leave) return;
    event.preventDefault();
    event.stopPropagation();
    if (!values) finish();
    if (action) actions[action](index);
    else if (leave) model.select(-1);
    else if (editable(index)) {
      held.typing = true;
      model.preview(changed(index, values));
    }
  }

  /** A subject's own element: drag, pinch, keys. */
  function listenToSubject(index, target, elementSignal) {
    const listen = (type, act) => target.addEventListener(type, act, { signal: elementSignal });
    listenToFingers(index, target, elementSignal, gesture);
    listen("keydown", (event) => onKey(index, event));
    listen("keyup", () => held.typing && finish());
    listen("blur", finish);
    listen("focus", () => model.select(index));
    listen("dblclick", () => actions.crop(index));
  }

  /** A handle of the selected subject: `begin(place)` gives a function from a pointer's move to what it changes. */
  function listenToHandle(target, begin) {
    const onDown = (event) => {
      const index = model.scene.selected;
      if (event.button || !editable(index)) return;
      const valuesAt = begin(placeOf(index));
      follow(target, event, (move) => model.preview(changed(index, valuesAt(move))), gesture);
    };
    target.addEventListener("pointerdown", onDown, { signal });
  }

  return { finish, scaleByWheel, listenToSubject, listenToHandle };
}
