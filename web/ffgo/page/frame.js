/** The frame itself: the canvas with its pixels at its true aspect, as large as the stage around it allows. */
import { element, setSize } from "./dom.js";
import { paint } from "./painter.js";

export function createFrame(model) {
  const canvas = element("canvas", { class: "ffgo-pixels", "aria-hidden": "true" });
  const frame = element("div", { class: "ffgo-frame" }, canvas);
  const stage = element("div", { class: "ffgo-stage" }, frame);
  const zoom = () => frame.getBoundingClientRect().width / model.scene.canvas[0];

  return {
    stage,

    /** Lay elements over the pixels. */
    cover: (...layers) => frame.append(...layers),

    /** The screen pixels for one pixel of the frame, as the page shows it just now. */
    zoom,

    /** A pointer's place in pixels of the frame. */
    toCanvas(event) {
      const rect = frame.getBoundingClientRect();
      return [(event.clientX - rect.left) / zoom(), (event.clientY - rect.top) / zoom()];
    },

    /** As `zoom`, before what the host's graph does to it. */
    get scale() {
      return parseFloat(frame.style.width) / model.scene.canvas[0] || 0;
    },

    fit() {
      const [width, height] = model.scene.canvas;
      const scale = Math.min((stage.clientWidth - 16) / width, (stage.clientHeight - 16) / height);
      if (scale <= 0) return;
      const size = [Math.round(width * scale), Math.round(height * scale)];
      setSize(frame.style, size);
      const sharpness = Math.min(2, width / size[0]);
      const pixels = size.map((side) => Math.max(1, Math.round(side * Math.max(sharpness, 1))));
      if (canvas.width !== pixels[0] || canvas.height !== pixels[1]) [canvas.width, canvas.height] = pixels;
    },

    paint: () => paint(canvas.getContext("2d"), model.scene, model.background),

    /** Give the pixels' memory back. */
    dispose() {
      [canvas.width, canvas.height] = [0, 0];
    },
  };
}
