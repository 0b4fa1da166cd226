/** A set: what was asked for, the clips, the questions, and what is left to do. */

import { tell } from "./api.js";
import { choiceRow, questionOf } from "./choices.js";
import { element, say, show } from "./dom.js";
import { Outbox } from "./outbox.js";
import { Clips } from "./player.js";
import { changes, described, withRank } from "./ranking.js";

const RANK = "rank";
const SCALE = [1, 2, 3, 4, 5];
const SHORTCUTS = "study shortcuts";

export class SetView {
  #values = new Map();
  #rows = new Map();
  #before = {};
  #notes = Promise.resolve();

  /** state: as the server has it; next: called when the set is handed in, or somebody else's now. */
  constructor(state, next) {
    this.next = next;
    this.set = state.set;
    this.watched = this.set.watched;
    this.outbox = new Outbox(this.set.token, { say, refused: (error) => this.#refused(error) });
    this.clips = new Clips(this.set.clips, (what, slot) => this.#happened(what, slot));
    for (const answer of [...this.set.answers, ...this.outbox.unsent]) this.#note(answer);
    this.#show(state);
    this.clips.showWatched(this.watched);
    document.addEventListener("keydown", this.#pressed);
  }

  dispose() {
    document.removeEventListener("keydown", this.#pressed);
    this.clips.dispose();
  }

  get places() {
    return this.set.clips.map((_, index) => index + 1);
  }

  #show(state) {
    this.left = element("ul", { id: "left" });
    this.button = element("button", {
      type: "button", class: "main", "aria-describedby": "left", onclick: () => this.#handIn(),
    }, "Next");
    this.refusal = element("p", { class: "problem", role: "alert" });
    show(
      state.title,
      `Set ${this.set.number} of ${state.sets}`,
      ...this.#asked(),
      element("h2", {}, "The videos"),
      element("div", { class: "buttons" }, this.clips.all),
      this.clips.element,
      this.#keys(),
      ...(this.set.kind === "pairwise" ? this.#pair() : this.#ranking()),
      element("h2", {}, "Go on"),
      this.left,
      this.refusal,
      element("div", { class: "buttons" }, this.button),
    );
    for (const [key, row] of this.#rows) row.show(this.#values.get(key));
    this.#showWhatIsLeft();
  }

  #asked() {
    const alt = "The picture that the videos start from: the subjects beside the scene that they should be in.";
    return [
      element("h2", {}, "What was asked for"),
      element("blockquote", {}, this.set.prompt),
      element("figure", { class: "frame" }, element("img", { src: this.set.frame, alt })),
    ];
  }

  /** A single key must be possible to switch off: people who speak to their machine type by accident. */
  #keys() {
    const box = element("input", { type: "checkbox", onchange: () => remember(SHORTCUTS, box.checked ? "on" : "off") });
    box.checked = recall(SHORTCUTS) !== "off";
    this.shortcuts = box;
    const words = `Keys 1 to ${this.set.clips.length} go to a video, space plays it`;
    return element("p", { class: "keys" }, element("label", {}, box, words));
  }

  #ranking() {
    const last = this.set.clips.length;
    const words = { 1: "1 best", [last]: `${last} worst` };
    const options = this.places.map((rank) => [rank, words[rank] ?? `${rank}`]);
    const text = "Which video is the best over all, in quality and in doing what was asked for?";
    const ranks = this.places.map((slot) =>
      this.#row(slot, RANK, `Video ${slot}`, options, (rank) => this.#rank(slot, rank)),
    );
    const scales = this.set.questions.map((question) => {
      const ends = `1 = ${question.low}, 5 = ${question.high}`;
      const rows = this.places.map((slot) =>
        this.#row(slot, question.id, `Video ${slot}`, SCALE.map((value) => [value, `${value}`])),
      );
      return questionOf({ ...question, ends }, rows);
    });
    const steps = ["Step 1: rank the videos", "Step 2: rate each video"].map((text) => element("h2", {}, text));
    return [steps[0], questionOf({ title: "Rank", text }, ranks), steps[1], ...scales];
  }

  #pair() {
    const options = [[1, "Video 1"], [2, "Video 2"], [0, "No difference"]];
    const questions = this.set.questions.map((question) =>
      questionOf(question, [this.#row(0, question.id, "Better", options)]),
    );
    return [element("h2", {}, "Compare the videos"), ...questions];
  }

  #row(slot, question, legend, options, chosen = (value) => this.#answer([{ slot, question, value }])) {
    const row = choiceRow({ name: `${question}-${slot}`, legend, options, chosen });
    this.#rows.set(keyOf({ slot, question }), row);
    return row;
  }

  get ranks() {
    return new Map(this.places.map((slot) => [slot, this.#values.get(keyOf({ slot, question: RANK }))]));
  }

  #rank(slot, rank) {
    if (this.#before.slot !== slot) this.#before = { slot, ranks: this.ranks };
    const changed = changes(this.ranks, withRank(this.#before.ranks, this.ranks, slot, rank));
    this.#answer(changed.map((change) => ({ ...change, question: RANK })));
    if (changed.length > 1) say(described(changed));
  }

  #answer(answers) {
    answers.forEach((answer) => this.#note(answer));
    for (const key of answers.map(keyOf)) this.#rows.get(key).show(this.#values.get(key));
    this.outbox.add(answers);
    this.#showWhatIsLeft();
  }

  #note(answer) {
    if (answer.value === null) this.#values.delete(keyOf(answer));
    else this.#values.set(keyOf(answer), answer.value);
  }

  /** What is left to do, with where to do it. */
  get missing() {
    const unseen = this.places.filter((slot) => !this.watched.includes(slot));
    const found = unseen.map((slot) => ({
      text: `Watch video ${slot} to its end`,
      focus: () => this.clips.focus(slot),
    }));
    const gaps = new Map();
    for (const [key, row] of this.#rows) {
      if (this.#values.has(key)) continue;
      const [question, slot] = key.split(" ");
      gaps.set(question, [...(gaps.get(question) ?? []), { slot, row }]);
    }
    return found.concat([...gaps].map(([question, rows]) => this.#gap(question, rows)));
  }

  #gap(question, rows) {
    const title = this.set.questions.find(({ id }) => id === question)?.title ?? "Rank";
    const slots = rows.map(({ slot }) => slot).join(", ");
    const text = slots === "0" ? `Answer “${title}”` : `Answer “${title}” for video ${slots}`;
    return { text, focus: () => rows[0].row.firstInput.focus() };
  }

  #showWhatIsLeft() {
    const missing = this.missing;
    const texts = missing.length ? missing.map(({ text }) => text) : ["All is done: go on."];
    this.left.replaceChildren(...texts.map((text) => element("li", {}, text)));
    this.button.setAttribute("aria-disabled", String(missing.length > 0));
    if (!missing.length) this.refusal.textContent = "";
  }

  /** One after the other: when a clip began must be known before when it ended. */
  #happened(what, slot) {
    if (this.watched.includes(slot)) return;
    this.#notes = this.#notes
      .then(() => tell("/api/event", { set: this.set.token, what, slot }))
      .then(({ watched }) => {
        this.watched = watched;
        this.clips.showWatched(watched);
        this.#showWhatIsLeft();
        if (what === "ended" && !watched.includes(slot)) this.clips.again(slot);
      })
      .catch((error) => say(error.message));
  }

  async #handIn() {
    const [first] = this.missing;
    if (first) {
      this.refusal.textContent = `Not yet: ${first.text[0].toLowerCase()}${first.text.slice(1)}.`;
      first.focus();
      return;
    }
    try {
      await this.outbox.flush();
      await tell("/api/submit", { set: this.set.token });
      this.next();
    } catch (error) {
      this.refusal.textContent = error.message;
    }
  }

  #refused(error) {
    this.refusal.textContent = error.message;
    if (error.status === 403 || error.status === 404 || error.status === 409) this.next();
  }

  #pressed = (event) => {
    const slot = Number(event.key);
    const plain = !event.ctrlKey && !event.altKey && !event.metaKey;
    if (plain && this.shortcuts.checked && this.places.includes(slot)) this.clips.focus(slot);
  };
}

function keyOf({ slot, question }) {
  return `${question} ${slot}`;
}

function recall(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

function remember(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    // A browser that keeps nothing.
  }
}
