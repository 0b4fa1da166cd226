/** Dialogs of the page: the editor large, as a second view of the same model, and the help. */
import { element, icon } from "./dom.js";
import { createEditor } from "./editor.js";
import { KEYS } from "../pure/words.js";

const PROJECT = "https://github.com/comfyui-ffgo/comfyui-ffgo";
const HISTORY_KEYS = { z: "undo", y: "redo" };
const STEPS = [
  "Cut-outs and a background go into FFGo Compose Canvas. Drag the subjects in its frame, or leave its layout to " +
    "itself.",
  "The frame goes into WanImageToVideo as start_image.",
  "Transition Prompt puts the words that wake the LoRA in front of yours.",
  "Wan2.2 MoE LoRA Loader loads FFGo's two files, Wan2.2 Expert Switch divides the steps between the two experts.",
  "Trim Compression Frames drops the first four frames, which still show the composed picture.",
];

/**
 * Open the editor of a node's {model, takes} large; {show} puts another node's in. `onClose` is called once,
 * `onHistory` with "undo" and "redo" for their keys.
 */
export function openLargeEditor(first, { onClose, onHistory }) {
  let editor = null;
  const dialog = openDialog("FFGo Compose Canvas", "", () => {
    editor.dispose();
    onClose();
  });
  dialog.addEventListener("keydown", (event) => {
    const asked = (event.ctrlKey || event.metaKey) && HISTORY_KEYS[event.key.toLowerCase()];
    if (asked) onHistory(event.shiftKey ? "redo" : asked);
  });

  function show({ model, takes }) {
    const focused = editor?.hasFocus;
    editor?.dispose();
    editor?.element.remove();
    editor = createEditor(model, takes);
    dialog.append(editor.element);
    if (focused) editor.focus();
  }

  show(first);
  editor.focus();
  return { show };
}

export function openHelp() {
  const keys = KEYS.flatMap(([key, does]) => [element("dt", {}, key), element("dd", {}, does)]);
  openDialog("FFGo help", "ffgo-help", () => {}).append(
    element("h3", {}, "From pictures to a video"),
    element("ol", {}, ...STEPS.map((step) => element("li", {}, step))),
    element("h3", {}, "Keys on a subject of the frame"),
    element("dl", {}, ...keys),
    element("p", {}, "Each node has a help page of its own: select it and press the question mark or i over it. ",
      element("a", { href: PROJECT, target: "_blank", rel: "noopener" }, "The project's page")),
  );
}

function openDialog(title, look, onClose) {
  const name = "ffgo-dialog-title";
  const said = { "aria-label": "Close", title: "Close (Escape)" };
  const close = element("button", { type: "button", class: "ffgo-close", ...said }, icon("close"));
  const head = element("div", { class: "ffgo-dialog-head" }, element("h2", { id: name }, title), close);
  const dialog = element("dialog", { class: `ffgo-dialog ${look}`, "aria-labelledby": name }, head);
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("keydown", (event) => {
    // Keys are not meant for the graph behind; undo and redo are, and edits are its steps.
    if (!event.ctrlKey && !event.metaKey) event.stopPropagation();
    if (event.key === "Escape" && !event.defaultPrevented) dialog.close();
  });
  dialog.addEventListener("close", () => {
    onClose();
    dialog.remove();
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}
