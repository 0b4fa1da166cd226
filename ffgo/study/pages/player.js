/** The clips of a set: all in step or one alone, and what was watched. No clip can be wound. */

import { element } from "./dom.js";

export class Clips {
  #together = false;

  /** sources: URLs; happened: told "play", "ended" or "error", and the slot. */
  constructor(sources, happened) {
    this.happened = happened;
    this.clips = sources.map((source, index) => this.#clip(source, index + 1));
    this.all = element("button", { type: "button", class: "main", onclick: () => this.toggleAll() }, "Play all videos");
    this.element = element("div", { class: "clips" }, ...this.clips.map((clip) => clip.figure));
    document.addEventListener("visibilitychange", this.#whenHidden);
  }

  dispose() {
    document.removeEventListener("visibilitychange", this.#whenHidden);
    for (const { video } of this.clips) {
      video.pause();
      video.removeAttribute("src");
      video.load();
    }
  }

  /** Mark the slots that count as watched. */
  showWatched(slots) {
    for (const [index, { watched }] of this.clips.entries()) {
      const yes = slots.includes(index + 1);
      watched.textContent = yes ? "watched" : "not watched yet";
      watched.classList.toggle("yes", yes);
    }
  }

  focus(slot) {
    this.clips[slot - 1].video.focus();
  }

  toggleAll() {
    const start = !this.#together;
    this.#stop();
    this.#together = start;
    if (start) this.places.forEach((slot) => this.#start(slot));
    this.#label();
  }

  toggle(slot) {
    const { video } = this.clips[slot - 1];
    if (!video.paused) video.pause();
    else {
      if (this.#together) this.#stop();
      if (video.ended || video.currentTime === 0) this.#start(slot);
      else video.play().catch(() => {});
    }
  }

  /** A clip that ended and does not count as watched, as where a slow line brought the word too late, runs again. */
  again(slot) {
    if (!this.#together && this.clips[slot - 1].video.ended) this.#start(slot);
  }

  get places() {
    return this.clips.map((_, index) => index + 1);
  }

  #whenHidden = () => {
    if (document.hidden) this.#stop();
  };

  #stop() {
    this.#together = false;
    this.clips.forEach(({ video }) => video.pause());
    this.#label();
  }

  #start(slot) {
    const { video } = this.clips[slot - 1];
    video.currentTime = 0;
    this.happened("play", slot);
    video.play().catch(() => {});
  }

  #label() {
    this.all.textContent = this.#together ? "Pause all videos" : "Play all videos";
  }

  /** In step: none begins again before the last one has ended. */
  #ended() {
    if (this.#together && this.clips.every(({ video }) => video.ended || video.error)) {
      this.places.forEach((slot) => this.#start(slot));
    }
  }

  #clip(source, slot) {
    const video = element("video", {
      src: source, tabindex: "0", playsinline: true, muted: true, preload: "auto", "aria-label": `Video ${slot}`,
      "aria-keyshortcuts": "Space",
    });
    video.muted = true;
    const name = `video ${slot}`;
    const play = element("button", { type: "button", onclick: () => this.toggle(slot) });
    const large = { type: "button", "aria-label": `Enlarge ${name}`, onclick: () => enlargeVideo(video) };
    const enlarge = element("button", large, "Enlarge");
    const watched = element("span", { class: "watched" });
    const problem = element("p", { class: "problem", role: "alert" });
    const label = () => {
      play.textContent = video.paused ? "Play" : "Pause";
      play.setAttribute("aria-label", `${play.textContent} ${name}`);
    };
    label();
    video.addEventListener("play", label);
    video.addEventListener("pause", label);
    video.addEventListener("ended", () => {
      this.happened("ended", slot);
      this.#ended();
    });
    video.addEventListener("error", () => {
      if (!video.getAttribute("src")) return;
      problem.textContent = "This video does not play. Reload the page, or try another browser: your answers are kept.";
      this.happened("error", slot);
    });
    video.addEventListener("keydown", (event) => {
      if (event.key !== " " && event.key !== "Enter") return;
      event.preventDefault();
      this.toggle(slot);
    });
    video.addEventListener("click", () => this.toggle(slot));
    const caption = element(
      "figcaption", {}, element("span", { class: "name" }, `Video ${slot}`), watched, play, enlarge,
    );
    return { video, watched, figure: element("figure", { class: "clip" }, video, caption, problem) };
  }
}

function enlargeVideo(video) {
  if (video.requestFullscreen) video.requestFullscreen().catch(() => {});
  else video.webkitEnterFullscreen?.();
}
