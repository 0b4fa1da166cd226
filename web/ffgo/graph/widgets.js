/** The widgets of a compose node as the model's port reads and writes them. */
import { DEFAULTS } from "../pure/constants.js";
import { widgetFor } from "./sources.js";

/** {read, write, isWriting}; see pure/model.js. */
export function createWidgetPort(node, app) {
  const widget = (name) => (node.graph ? widgetFor(app, node, name) : node.widgets.find((one) => one.name === name));
  const valueOf = (name) => widget(name)?.value ?? DEFAULTS[name];
  let writing = false;

  return {
    isWriting: () => writing,

    read: () => ({
      layout: valueOf("layout"), preset: valueOf("preset"), width: valueOf("width"), height: valueOf("height"),
      backgroundFit: valueOf("background_fit"), maxUpscale: valueOf("max_upscale"), gap: valueOf("gap"),
      arrangement: String(valueOf("arrangement")), minAlpha: valueOf("min_alpha"),
    }),

    /** One step of the host's undo. */
    write({ layout, arrangement }) {
      writing = true;
      app.canvas.emitBeforeChange();
      for (const [name, value] of Object.entries({ layout, arrangement })) {
        const there = widget(name);
        if (!there || there.value === value) continue;
        there.value = value;
        there.callback?.(value);
      }
      app.canvas.emitAfterChange();
      writing = false;
      app.rootGraph.setDirtyCanvas(true, true);
    },
  };
}
