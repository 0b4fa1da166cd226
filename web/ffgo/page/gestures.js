/** Pointer, wheel and keys on a subject, turned into edits of the model. */
import { angleTo, movedBox, otherCrop, restacked, scaledBox, snapLines, snapped, stretchedBox, tidyAngle } from "../pure/edit.js";

const CLICK_REACH = 3;
const SNAP_REACH = 6;
const WHEEL_REST_MS = 250;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Replace one entry of all. */
const changed = (index, values) => (entries) =>
  entries.map((entry, i) => (i === index ? { ...entry, ...values } : entry));

/** Single edits of one subject, each a step of undo. */
export function createActions(model, announce) {
  const done = (change, text) => {
    model.preview(change);
    model.commit();
    announce(text);
  };
  const on = (name, act) => (index) => {
    const place = model.scene.places[index];
    if (!place || model.scene.note) return;
    if (place.locked && name !== "lock") announce("The subject is locked. Press L to unlock it.");
    else act(place, `Subject ${index + 1}`);
  };
  return {
    flip: on("flip", (place, title) => done(changed(place.index, { flip: !place.flip }), `${title} ${place.flip ? "not flipped" : "flipped"}`)),
    forward: on("forward", (place, title) => done((entries) => restacked(entries, place.index, 1), `${title} brought forward`)),
    back: on("back", (place, title) => done((entries) => restacked(entries, place.index, -1), `${title} sent back`)),
    lock: on("lock", (place, title) => done(changed(place.index, { locked: !place.locked }), `${title} ${place.locked ? "unlocked" : "locked"}`)),
    crop: on("crop", (place, title) => {
      if (!place.subject.picture) return;
      const next = otherCrop(place.entry, place.box, place.subject.picture);
      done(changed(place.index, next), `${title}: ${next.crop === "full" ? "whole picture" : "cropped to what is visible"}`);
    }),
    leaveOut: on("leaveOut", (place, title) => {
      done(changed(place.index, { shown: false }), `${title} left out. Bring it back from the list under the frame.`);
      model.select(-1);
    }),
    bringBack: on("bringBack", (place, title) => {
      done(changed(place.index, { shown: true, locked: false }), `${title} is back`);
      model.select(place.index);
    }),
  };
}

/**
 * Listen to a subject's element and the handles. `toCanvas(event)` gives a pointer's place in pixels of the frame,
 * `zoom()` the screen pixels for one of them. All listeners end with `signal`.
 */
export function createGestures({ model, actions, toCanvas, zoom, announce, signal }) {
  let wheel = null;
  let typing = false;
  signal.addEventListener("abort", () => clearTimeout(wheel?.timer));

  const placeOf = (index) => model.scene.places[index];

  function editable(index) {
    const place = placeOf(index);
    if (place.locked) announce("The subject is locked. Press L to unlock it.");
    return !place.locked && !model.scene.note;
  }

  /** Follow the pointers that are down on an element until all are up; Escape puts everything back. */
  function follow(target, event, onMove) {
    finish();
    event.preventDefault();
    event.stopPropagation();
    target.setPointerCapture(event.pointerId);
    const gesture = new AbortController();
    const listen = (type, act, on = target) => on.addEventListener(type, act, { signal: gesture.signal });
    listen("abort", () => gesture.abort(), signal);
    let frame = 0;
    let latest = null;
    const show = () => {
      frame = 0;
      if (latest) onMove(latest);
      latest = null;
    };
    const end = (keep) => {
      cancelAnimationFrame(frame);
      if (keep) show();
      gesture.abort();
      if (keep) model.commit();
      else model.cancel();
    };
    listen("pointermove", (move) => {
      if (move.pointerId !== event.pointerId) return;
      latest = move;
      frame ||= requestAnimationFrame(show);
    });
    listen("pointerup", (up) => up.pointerId === event.pointerId && end(true));
    listen("pointercancel", (up) => up.pointerId === event.pointerId && end(false));
    listen("keydown", (key) => {
      if (key.key !== "Escape") return;
      key.stopPropagation();
      end(false);
    });
    return end;
  }

  function drag(index, event, target) {
    const { box, angle } = placeOf(index);
    const start = toCanvas(event);
    const others = model.scene.places.filter((place) => place.index !== index);
    const lines = snapLines(model.scene.canvas, others, model.scene.base);
    let moving = false;
    return follow(target, event, (move) => {
      const [x, y] = toCanvas(move);
      const [dx, dy] = [x - start[0], y - start[1]];
      moving ||= Math.hypot(dx, dy) * zoom() >= CLICK_REACH;
      if (!moving) return;
      const moved = movedBox(box, dx, dy, model.scene.canvas);
      const result = move.shiftKey ? { box: moved } : snapped(moved, angle, lines, SNAP_REACH / zoom());
      model.preview(changed(index, result.box), result.guides);
    });
  }

  /** Two fingers on a subject scale it. */
  function pinch(index, target, signalOfElement) {
    const fingers = new Map();
    let endDrag = null;
    let start = null;
    let touches = null;
    /** While two fingers are down here, the host must not see them: it would zoom the graph as well. */
    const keepTouches = () => {
      touches = new AbortController();
      window.addEventListener("touchmove", (event) => event.stopPropagation(), { capture: true, signal: touches.signal });
      signalOfElement.addEventListener("abort", () => touches.abort(), { signal: touches.signal });
    };
    const spread = () => {
      const [a, b] = [...fingers.values()];
      return Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
    };
    const listen = (type, act) => target.addEventListener(type, act, { signal: signalOfElement });
    listen("pointerdown", (event) => {
      if (event.button) return;
      model.select(index);
      target.focus({ preventScroll: true });
      fingers.set(event.pointerId, event);
      if (!editable(index)) return;
      if (fingers.size === 1) {
        endDrag = drag(index, event, target);
      } else if (fingers.size === 2) {
        endDrag?.(false);
        target.setPointerCapture(event.pointerId);
        start = { spread: spread(), ...placeOf(index) };
        keepTouches();
      }
    });
    listen("pointermove", (event) => {
      if (!fingers.has(event.pointerId)) return;
      fingers.set(event.pointerId, event);
      if (!start || fingers.size !== 2) return;
      model.preview(changed(index, scaledBox(start.box, start.crop, spread() / start.spread, model.scene.canvas)));
    });
    for (const type of ["pointerup", "pointercancel"]) {
      listen(type, (event) => {
        fingers.delete(event.pointerId);
        if (!start || fingers.size) return;
        start = null;
        touches.abort();
        model.commit();
      });
    }
  }

  /** Write what the wheel or a held key has done so far. */
  function finish() {
    if (!wheel && !typing) return;
    clearTimeout(wheel?.timer);
    wheel = null;
    typing = false;
    model.commit();
  }

  function scaleByWheel(index, event) {
    if (!editable(index)) return;
    if (wheel?.index !== index) {
      finish();
      wheel = { ...placeOf(index), factor: 1 };
    }
    clearTimeout(wheel.timer);
    const pixels = event.deltaMode ? event.deltaY * 33 : event.deltaY;
    wheel.factor *= Math.exp(-pixels * (event.ctrlKey ? 0.01 : 0.001));
    model.preview(changed(index, scaledBox(wheel.box, wheel.crop, wheel.factor, model.scene.canvas)));
    wheel.timer = setTimeout(finish, WHEEL_REST_MS);
  }

  /** A key held down is one edit, written when it is let go. */
  function pressed(index, event) {
    const place = placeOf(index);
    const { key, shiftKey } = event;
    const step = shiftKey ? 10 : 1;
    if (key in ARROWS) {
      const [x, y] = ARROWS[key];
      return movedBox(place.box, x * step, y * step, model.scene.canvas);
    }
    if (key === "+" || key === "=") return scaledBox(place.box, place.crop, 1 + 0.01 * step, model.scene.canvas);
    if (key === "-" || key === "_") return scaledBox(place.box, place.crop, 1 / (1 + 0.01 * step), model.scene.canvas);
    if (key === "." || key === ">") return { angle: tidyAngle(place.angle + step, true) };
    if (key === "," || key === "<") return { angle: tidyAngle(place.angle - step, true) };
    return null;
  }

  function onKey(index, event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const action = { Delete: "leaveOut", Backspace: "leaveOut", f: "flip", c: "crop", l: "lock", PageUp: "forward", PageDown: "back" }[event.key];
    const values = action ? null : pressed(index, event);
    const leave = event.key === "Escape" && model.scene.selected >= 0;
    if (!action && !values && !leave) return;
    event.preventDefault();
    event.stopPropagation();
    if (!values) finish();
    if (action) actions[action](index);
    else if (leave) model.select(-1);
    else if (editable(index)) {
      typing = true;
      model.preview(changed(index, values));
    }
  }

  return {
    finish,
    scaleByWheel,

    /** A subject's own element: drag, pinch, keys. */
    subject(index, target, elementSignal) {
      const listen = (type, act) => target.addEventListener(type, act, { signal: elementSignal });
      pinch(index, target, elementSignal);
      listen("keydown", (event) => onKey(index, event));
      listen("keyup", () => typing && finish());
      listen("blur", finish);
      listen("focus", () => model.select(index));
      listen("dblclick", () => actions.crop(index));
    },

    corner(target, corner) {
      target.addEventListener("pointerdown", (event) => {
        const index = model.scene.selected;
        if (event.button || !editable(index)) return;
        const { box, angle, crop } = placeOf(index);
        follow(target, event, (move) =>
          model.preview(changed(index, stretchedBox(box, crop, angle, corner, toCanvas(move), model.scene.canvas))),
        );
      }, { signal });
    },

    turner(target) {
      target.addEventListener("pointerdown", (event) => {
        const index = model.scene.selected;
        if (event.button || !editable(index)) return;
        follow(target, event, (move) =>
          model.preview(changed(index, { angle: angleTo(placeOf(index).box, toCanvas(move), move.shiftKey) })),
        );
      }, { signal });
    },
  };
}
