/** The editor large: a second view of the same model in a dialog of the page. */
import { element, icon } from "./dom.js";
import { createEditor } from "./editor.js";

/** Open it; {show(model), close}: `show` puts another node's model in. `onClose` is called once. */
export function openDialog(model, onClose) {
  let editor = null;
  const close = element("button", { type: "button", class: "ffgo-close", "aria-label": "Close", title: "Close (Escape)" }, icon("close"));
  const head = element("div", { class: "ffgo-dialog-head" }, element("h2", { id: "ffgo-dialog-title" }, "FFGo Compose Canvas"), close);
  const dialog = element("dialog", { class: "ffgo-dialog", "aria-labelledby": "ffgo-dialog-title" }, head);
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => {
    editor.dispose();
    dialog.remove();
    onClose();
  });

  function show(next) {
    const focused = editor?.element.contains(document.activeElement);
    editor?.dispose();
    editor?.element.remove();
    editor = createEditor(next);
    dialog.append(editor.element);
    if (focused) editor.focus();
  }

  show(model);
  document.body.append(dialog);
  dialog.showModal();
  editor.focus();
  return { show, close: () => dialog.close() };
}
