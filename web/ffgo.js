/** FFGo's part of ComfyUI's page. The only script here that does something when it is loaded. */
import { api } from "../../scripts/api.js";
import { app } from "../../scripts/app.js";
import { createCastList } from "./ffgo/graph/cast.js";
import { chain } from "./ffgo/graph/chain.js";
import { addEditor, COMPOSE_NODE } from "./ffgo/graph/compose_node.js";
import { addPages, MEMORY_NODE } from "./ffgo/graph/memory_node.js";
import { createPictures } from "./ffgo/graph/pictures.js";
import { addReport, REPORT_NODE } from "./ffgo/graph/report_node.js";
import { tendSockets } from "./ffgo/graph/sockets.js";
import { locator, SUBJECT_LOADER } from "./ffgo/graph/sources.js";
import { takeMany } from "./ffgo/graph/subject_node.js";
import { openHelp, openLargeEditor } from "./ffgo/page/dialog.js";

const OURS = /^FFGO/;
const fetchApi = (path, options) => api.fetchApi(path, options);
const createNode = (kind) => window.LiteGraph.createNode(kind);
const apiURL = (path) => api.apiURL(path);
const cast = createCastList({ fetchApi, apiURL, onChange: () => refreshAll() });
const host = { app, fetchApi, createNode, pictures: createPictures(fetchApi), cast };

/** The editors of the page by their nodes. */
const editors = new Map();

/** Editors that were taken away a moment ago, by the place of their node: undo makes all nodes anew. */
const left = new Map();
const REMEMBERED_MS = 5000;
let dialog = null;

function withEditor(node) {
  const made = addEditor(node, host, openLarge);
  let place = null;
  // The host also makes nodes only to copy them: those are never added to a graph, nor removed from one.
  chain(node, "onAdded", () => editors.set(node, made));
  chain(node, "onConfigure", () => {
    if (!node.graph) return;
    place = locator(node);
    takeUp(place, made);
  });
  chain(node, "onRemoved", () => {
    editors.delete(node);
    if (place) remember(place, made);
    made.dispose();
  });
}

function remember(place, { model, editor }) {
  const state = { element: editor.element, selected: model.scene.selected, focused: editor.hasFocus };
  left.set(place, state);
  setTimeout(() => left.get(place) === state && left.delete(place), REMEMBERED_MS);
}

/** Go on where the editor of the same node was before undo: on the page, selected, with the keyboard, in the dialog. */
function takeUp(place, made) {
  const { model, editor, later } = made;
  const before = left.get(place);
  left.delete(place);
  if (before) {
    // Nodes 2.0 keeps what it shows of a node whose id comes back, and so would go on showing the old element.
    before.element.replaceWith(editor.element);
    later(() => {
      model.select(before.selected);
      if (before.focused) focusOnceShown(editor);
    });
  }
  if (dialog?.place === place) dialog.show(made);
}

function focusOnceShown(editor, tries = 30) {
  if (editor.element.offsetParent) editor.focus();
  else if (tries) requestAnimationFrame(() => focusOnceShown(editor, tries - 1));
}

function openLarge(node) {
  if (dialog) return;
  const onClose = () => (dialog = null);
  dialog = { place: locator(node), ...openLargeEditor(editors.get(node), { onClose, onHistory }) };
}

/** While a dialog is open some pages of the host ignore the keys of undo and redo; others obey a frame later. */
function onHistory(asked) {
  const { undoQueue, redoQueue } = app.extensionManager.workflow.activeWorkflow.changeTracker;
  const [queue, command] = asked === "redo" ? [redoQueue, "Comfy.Redo"] : [undoQueue, "Comfy.Undo"];
  const before = queue.length;
  const isIgnored = () => queue.length === before && before > 0;
  const later = () => isIgnored() && app.extensionManager.command.execute(command);
  requestAnimationFrame(() => requestAnimationFrame(later));
}

/** The compose node that a command is meant for: the selected one, or the only one in sight. */
function chosenNode() {
  const selected = [...app.canvas.selectedItems].filter((item) => editors.has(item));
  const inSight = app.canvas.graph.nodes.filter((node) => editors.has(node));
  const node = selected[0] ?? (inSight.length === 1 ? inSight[0] : null);
  if (!node) {
    const detail = inSight.length
      ? "Select the FFGo Compose Canvas that you mean."
      : "There is no FFGo Compose Canvas here.";
    app.extensionManager.toast.add({ severity: "info", summary: "FFGo", detail, life: 4000 });
  }
  return node;
}

function onChosen(act) {
  const node = chosenNode();
  if (node) act(node);
}

const useAutomatic = (node) => editors.get(node).model.useAutomatic();
const refreshAll = () => editors.forEach(({ later }) => later());

const command = (name, label, icon, act) => ({ id: `FFGo.${name}`, label, icon: `pi pi-${icon}`, function: act });

app.registerExtension({
  name: "ffgo.editor",
  commands: [
    command("OpenEditor", "Open the frame editor large", "window-maximize", () => onChosen(openLarge)),
    command("AutoLayout", "Automatic layout of the frame", "th-large", () => onChosen(useAutomatic)),
    command("Help", "FFGo help", "question-circle", openHelp),
  ],
  menuCommands: [{ path: ["Extensions", "FFGo"], commands: ["FFGo.OpenEditor", "FFGo.AutoLayout", "FFGo.Help"] }],
  init() {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = new URL("./ffgo/page/editor.css", import.meta.url).href;
    document.head.append(link);
  },
  setup() {
    // The host says so after each change of the graph; another picture in a loader is one, too.
    api.addEventListener("graphChanged", () => refreshAll());
  },
  nodeCreated(node) {
    if (OURS.test(node.comfyClass)) tendSockets(node);
    if (node.comfyClass === COMPOSE_NODE) withEditor(node);
    if (node.comfyClass === SUBJECT_LOADER) takeMany(node, host, (frame) => editors.get(frame));
    if (node.comfyClass === REPORT_NODE) addReport(node, app);
    if (node.comfyClass === MEMORY_NODE) addPages(node, { app, apiURL });
  },
  afterConfigureGraph: () => refreshAll(),
  onNodeOutputsUpdated: () => refreshAll(),
});
