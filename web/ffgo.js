/** FFGo's part of ComfyUI's page. The only script here that does something when it is loaded. */
import { api } from "../../scripts/api.js";
import { app } from "../../scripts/app.js";
import { addEditor, chain, COMPOSE_NODE } from "./ffgo/compose_node.js";
import { openDialog } from "./ffgo/dialog.js";
import { createPictures } from "./ffgo/pictures.js";
import { addReport, REPORT_NODE } from "./ffgo/report.js";
import { locator } from "./ffgo/sources.js";

const HELP_PAGE = "https://github.com/goatwu/comfyui-ffgo";
const pictures = createPictures((path) => api.fetchApi(path));

/** The editors of the page by their nodes. */
const editors = new Map();

/** What was selected, and whether it had the keyboard, on nodes that undo has just taken away to make them anew. */
const left = new Map();
let dialog = null;

function withEditor(node) {
  const made = addEditor(node, { app, pictures, openLarge });
  editors.set(node, made);
  chain(node, "onConfigure", () => restore(node, made));
  chain(node, "onRemoved", () => {
    remember(node, made);
    editors.delete(node);
    made.dispose();
  });
}

function remember(node, { model, editor }) {
  const name = node.graph ? locator(node) : `${node.id}`;
  left.set(name, { selected: model.scene.selected, focused: editor.element.contains(document.activeElement) });
}

/** Undo makes all nodes anew: take up what was selected, and the dialog. */
function restore(node, { model, editor, later }) {
  const name = locator(node);
  const before = left.get(name);
  left.delete(name);
  if (before) setTimeout(() => takeUp(model, editor, before));
  if (dialog?.name === name) dialog.show(model);
  later();
}

function takeUp(model, editor, { selected, focused }) {
  if (selected < model.scene.places.length) model.select(selected);
  if (focused && editor.element.isConnected) editor.focus();
}

function openLarge(node) {
  const { model } = editors.get(node);
  dialog = { name: locator(node), ...openDialog(model, () => (dialog = null)) };
}

/** The compose node that a command is meant for: the selected one, or the only one in sight. */
function chosenNode() {
  const selected = [...app.canvas.selectedItems].filter((item) => editors.has(item));
  const inSight = app.canvas.graph.nodes.filter((node) => editors.has(node));
  const node = selected[0] ?? (inSight.length === 1 ? inSight[0] : null);
  if (!node) {
    const detail = inSight.length ? "Select the FFGo Compose Canvas that you mean." : "There is no FFGo Compose Canvas here.";
    app.extensionManager.toast.add({ severity: "info", summary: "FFGo", detail, life: 4000 });
  }
  return node;
}

function onChosen(act) {
  const node = chosenNode();
  if (node) act(node);
}

const refreshAll = () => editors.forEach(({ later }) => later());

app.registerExtension({
  name: "ffgo.editor",
  commands: [
    { id: "FFGo.OpenEditor", label: "Open the frame editor large", icon: "pi pi-window-maximize", function: () => onChosen(openLarge) },
    { id: "FFGo.AutoLayout", label: "Automatic layout of the frame", icon: "pi pi-th-large", function: () => onChosen((node) => editors.get(node).model.useAutomatic()) },
    { id: "FFGo.Help", label: "FFGo help", icon: "pi pi-question-circle", function: () => window.open(HELP_PAGE, "_blank", "noopener") },
  ],
  menuCommands: [{ path: ["Extensions", "FFGo"], commands: ["FFGo.OpenEditor", "FFGo.AutoLayout", "FFGo.Help"] }],
  init() {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = new URL("./ffgo/editor.css", import.meta.url).href;
    document.head.append(link);
  },
  setup() {
    // The host says so after each change of the graph; another picture in a loader is one, too.
    api.addEventListener("graphChanged", refreshAll);
  },
  nodeCreated(node) {
    if (node.comfyClass === COMPOSE_NODE) withEditor(node);
    if (node.comfyClass === REPORT_NODE) addReport(node, app);
  },
  afterConfigureGraph: refreshAll,
  onNodeOutputsUpdated: refreshAll,
});
