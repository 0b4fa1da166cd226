/** Answers on their way: kept in the browser until the server says that its disk has them. */

import { tellUntilHeard } from "./api.js";

const PREFIX = "study answers ";

export class Outbox {
  #waiting;
  #sending = null;

  /** set: its token; say: shows how it goes; refused: told when the server will not take them. */
  constructor(set, { say, refused }) {
    Object.assign(this, { set, say, refused });
    this.#waiting = new Map(readKept(set));
    if (this.#waiting.size) this.flush();
  }

  /** What the server has not got yet, as [slot, question, value]. */
  get unsent() {
    return [...this.#waiting.values()];
  }

  /** Answers, as { slot, question, value }; value null takes one back. */
  add(answers) {
    for (const answer of answers) this.#waiting.set(`${answer.slot} ${answer.question}`, answer);
    this.#keep();
    this.flush();
  }

  /** Ends when all that was added is on the server's disk. */
  flush() {
    this.#sending ??= this.#send().finally(() => (this.#sending = null));
    return this.#sending;
  }

  async #send() {
    while (this.#waiting.size) {
      const sent = [...this.#waiting];
      this.say("Saving…");
      try {
        await tellUntilHeard("/api/answers", { set: this.set, answers: sent.map(([, answer]) => answer) }, () =>
          this.say("No connection: your answers are kept in this browser, and sent as soon as there is one."),
        );
      } catch (error) {
        this.#waiting.clear();
        this.#keep();
        this.refused(error);
        return;
      }
      for (const [key, answer] of sent) if (this.#waiting.get(key) === answer) this.#waiting.delete(key);
      this.#keep();
    }
    this.say("All answers are saved.");
  }

  #keep() {
    try {
      if (this.#waiting.size) localStorage.setItem(PREFIX + this.set, JSON.stringify([...this.#waiting]));
      else localStorage.removeItem(PREFIX + this.set);
    } catch {
      // A browser that keeps nothing: the answers are sent all the same.
    }
  }
}

function readKept(set) {
  try {
    return JSON.parse(localStorage.getItem(PREFIX + set)) ?? [];
  } catch {
    return [];
  }
}
