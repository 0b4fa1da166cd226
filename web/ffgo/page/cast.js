/** The cast over the frame: everybody who was kept, as small pictures to drag onto it, or to press. */
import { EMPTY_CAST, memberTip, READING_CAST } from "../pure/words.js";
import { moveByArrows } from "./arrows.js";
import { element, setText } from "./dom.js";
import { MEMBER } from "./dropzone.js";

/**
 * {element, toggle}. `list()` resolves to everybody as [{label, noun, thumb}], or throws an error that says why not;
 * `onMember(label)` puts one into the frame. Everything ends with `signal`.
 */
export function createCast({ list, onMember, signal }) {
  const said = element("div", { class: "ffgo-cast-said", role: "status" });
  const row = element("div", { class: "ffgo-members", role: "toolbar", "aria-label": "Members of the cast" });
  const root = element("div", { class: "ffgo-cast", hidden: true }, said, row);
  const on = (type, act, options) => row.addEventListener(type, act, { signal, ...options });
  const memberOf = ({ target }) => target.closest(".ffgo-member");

  moveByArrows(row, () => [...row.children], signal);
  on("click", (event) => {
    const member = memberOf(event);
    if (member) onMember(member.dataset.label);
  });
  on("dragstart", (event) => {
    const member = memberOf(event);
    if (!member) return;
    event.stopPropagation();
    event.dataTransfer.setData(MEMBER, member.dataset.label);
    event.dataTransfer.effectAllowed = "copy";
  });
  on("wheel", (event) => {
    event.preventDefault();
    event.stopPropagation();
    row.scrollLeft += event.deltaX || event.deltaY;
  }, { passive: false });

  async function show() {
    say(READING_CAST);
    try {
      const members = await list();
      row.replaceChildren(...members.map(buildMember));
      say(members.length ? "" : EMPTY_CAST);
    } catch (error) {
      row.replaceChildren();
      say(error.message);
    }
  }

  function say(text) {
    setText(said, text);
    said.hidden = !text;
  }

  return {
    element: root,

    /** Show the cast as it is now, or hide it; whether it is shown then. */
    toggle() {
      root.hidden = !root.hidden;
      if (!root.hidden) show();
      return !root.hidden;
    },
  };
}

function buildMember({ label, noun, thumb }, i) {
  const picture = element("img", { src: thumb, alt: "", loading: "lazy", draggable: "false" });
  const tip = memberTip(label, noun);
  const attributes = { type: "button", class: "ffgo-member", draggable: "true", "data-label": label, title: tip };
  return element("button", { ...attributes, tabindex: i ? -1 : 0 }, picture, element("span", {}, label));
}
