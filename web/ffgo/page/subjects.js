/** The subjects' own elements over the frame's pixels: a box to take hold of, and a badge. */
import { badgeAt, badgeCorner } from "../pure/badges.js";
import { bounds, corners } from "../pure/geometry.js";
import { badgeText, boxHint, describe, troubles } from "../pure/words.js";
import { element, setAttributes, setBox, setText } from "./dom.js";

/** `helpId` names the element that explains the keys. Everything ends with `signal`. */
export function createSubjects({ gestures, helpId, signal }) {
  const layer = element("div", { class: "ffgo-layer", role: "group", "aria-label": "Subjects in the frame" });
  const badges = element("div", { class: "ffgo-layer ffgo-badges", "aria-hidden": "true" });
  const made = [];

  function matchCount(count) {
    while (made.length > count) {
      const { box, badge, life } = made.pop();
      life.abort();
      box.remove();
      badge.remove();
    }
    while (made.length < count) made.push(addOne(made.length));
  }

  function addOne(index) {
    const badge = element("span", { class: "ffgo-badge" });
    const box = element("div", { class: "ffgo-subject", role: "button", tabindex: 0, "aria-describedby": helpId });
    const life = new AbortController();
    signal.addEventListener("abort", () => life.abort(), { signal: life.signal });
    gestures.listenToSubject(index, box, life.signal);
    layer.append(box);
    badges.append(badge);
    return { box, badge, life };
  }

  return {
    layer,
    badges,

    /** Show the scene; returns the subject that is hidden by that although it had the keyboard's focus, or -1. */
    show(scene, scale) {
      const { places } = scene;
      matchCount(places.length);
      const lost = made.findIndex(({ box }, i) => box === document.activeElement && !places[i].shown);
      const edges = places.map((place) => scaled(bounds(corners(place.box, place.angle)), scale));
      const badged = []; // what the badges cover
      for (const place of places) {
        showBox(made[place.index].box, place, scene, scale);
        const others = [...edges.filter((_, i) => i !== place.index && places[i].shown), ...badged];
        const corner = badgeCorner(edges[place.index], others, scene.canvas.map((side) => side * scale));
        showBadge(made[place.index].badge, place, corner);
        if (place.shown) badged.push(badgeAt(corner));
      }
      return lost;
    },

    /** The element of a subject; undefined if there is no such subject. */
    boxOf: (index) => made[index]?.box,
  };
}

function showBox(box, place, scene, scale) {
  const selected = place.index === scene.selected;
  box.hidden = !place.shown;
  setBox(box.style, place, scale);
  box.style.zIndex = selected ? 500 : scene.order.indexOf(place.index);
  const wrong = troubles(place).length > 0;
  box.className = `ffgo-subject${wrong ? " is-wrong" : ""}${selected ? " is-selected" : ""}`;
  if (scene.editing) return;
  const said = describe(place);
  setAttributes(box, { "aria-label": said, "aria-pressed": selected, title: said });
  setAttributes(box, { "data-index": place.index, "data-hint": boxHint(place) });
}

function showBadge(badge, place, [x, y]) {
  badge.className = `ffgo-badge ${place.enough === false ? "is-few" : "is-enough"}`;
  setText(badge, `${place.index + 1} ${place.locked ? "locked " : ""}${badgeText(place)}`);
  badge.hidden = !place.shown;
  badge.style.transform = `translate(${x}px, ${y}px)`;
}

const scaled = ({ left, top, right, bottom }, scale) => ({
  left: left * scale, top: top * scale, right: right * scale, bottom: bottom * scale,
});
