/** Several files at once on Load Subject: further nodes below it, linked to the same frame. */
import { element } from "../page/dom.js";
import { COMPOSE_NODE } from "./compose_node.js";
import { fetched, placed, requireRoom } from "./drop.js";
import { addSubject, asOneStep, linksFrom, setFile } from "./loaders.js";
import { NotTaken, picturesAmong } from "./upload.js";

/**
 * Let a Load Subject that has just been made take several files: dropped, pasted, or chosen with its button.
 * `frameOf(node)` gives a compose node's {model, refresh, minAlpha}.
 */
export function takeMany(node, host, frameOf) {
  const { onDragDrop, pasteFiles } = node;
  node.onDragDrop = async function (event) {
    const files = [...event.dataTransfer.files];
    return files.length > 1 ? take(files) : onDragDrop?.call(this, event);
  };
  node.pasteFiles = function (files) {
    return files.length > 1 ? take(files) : pasteFiles?.call(this, files);
  };
  const button = node.widgets.find(({ name, type }) => name === "upload" && type === "button");
  if (button) button.callback = () => choose((files) => node.pasteFiles(files));

  async function take(files) {
    const say = (detail, severity = "info") =>
      host.app.extensionManager.toast.add({ severity, summary: "FFGo", detail, life: 6000 });
    try {
      const chosen = picturesAmong(files);
      const target = targetOf(node);
      const frame = target && frameOf(target);
      if (frame) requireRoom(chosen.length - 1, frame.model);
      const { names, found } = await fetched(chosen, host, frame?.minAlpha() ?? 0, () => {});
      const link = () => put(names, target);
      const change = () => (frame ? placed(frame, found.slice(1), null, link) : link());
      if (node.graph) asOneStep(host.app, node.graph, change);
    } catch (error) {
      if (!(error instanceof NotTaken)) throw error;
      say(error.message, "warn");
    }
    return true;
  }

  function put([own, ...others], target) {
    setFile(node, own);
    let above = node;
    for (const name of others) above = addSubject(host, name, { target, above });
  }
}

/** The compose node that a subject goes to directly, or null. */
function targetOf(node) {
  const targets = linksFrom(node).map((link) => node.graph.getNodeById(link.target_id));
  return targets.find((target) => target?.comfyClass === COMPOSE_NODE) ?? null;
}

/** Let the user choose pictures from the disk. */
function choose(act) {
  const input = element("input", { type: "file", multiple: true, accept: "image/*" });
  input.addEventListener("change", () => input.files.length && act([...input.files]));
  input.click();
}
