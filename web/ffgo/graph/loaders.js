/** Nodes that load a picture: made beside another node, given their file, and linked. */
import { CAST_LOADER } from "./cast.js";
import { linkInto, SUBJECT_LOADER } from "./sources.js";
import { NotTaken } from "./upload.js";

const BACKGROUND_LOADER = "LoadImage";
const [GAP, TITLE] = [40, 40];
const [WIDTH, HEIGHT] = [280, 470];

/** Make a change of a graph that is one step of the host's undo. */
export function asOneStep(app, graph, change) {
  app.canvas.emitBeforeChange();
  try {
    change();
  } finally {
    // It is saved with the step: where it is not up to date, what is loaded by undo differs, which ends redo.
    graph.updateExecutionOrder();
    app.canvas.emitAfterChange();
    app.rootGraph.setDirtyCanvas(true, true);
  }
}

/** The compose node's subject sockets that nothing is linked to; it may grow more. */
const freeSockets = (node) =>
  node.inputs.map(({ name }, slot) => ({ name, slot })).filter(({ name, slot }) =>
    name.startsWith("subjects.") && !linkInto(node, slot));

/** A new Load Subject with this file, left of `target` or below `above`, linked to the target's next free socket. */
export function addSubject(host, file, { target, above = null }) {
  const made = addLoader(host, SUBJECT_LOADER, file, above ?? target, above ? "below" : "left");
  if (target) made.connect(0, target, freeSockets(target)[0].slot);
  return made;
}

/** A new Load from Cast with this member, left of `target`, linked to its next free socket. */
export function addMember(host, label, target) {
  const made = addNode(host, CAST_LOADER, target, "left", 0);
  choose(made, "cast", label);
  return made.connect(0, target, freeSockets(target)[0].slot);
}

/** Make a picture the background: in the loader that gives it alone, else in a new one. */
export function setBackground(host, file, target) {
  const slot = target.inputs.findIndex(({ name }) => name === "background");
  const link = linkInto(target, slot);
  const before = link && target.graph.getNodeById(link.origin_id);
  if (before?.comfyClass === BACKGROUND_LOADER && linksFrom(before).length === 1) return setFile(before, file);
  const made = addLoader(host, BACKGROUND_LOADER, file, target, "left");
  made.title = "Background";
  return made.connect(0, target, slot);
}

export const linksFrom = (node) =>
  [...node.graph.links.values()].filter((link) => `${link.origin_id}` === `${node.id}`);

function addLoader(host, kind, file, near, side) {
  // As tall as with its picture and what is said of it: else it grows when they come, a step of undo of its own.
  const made = addNode(host, kind, near, side, HEIGHT);
  setFile(made, file);
  return made;
}

function addNode({ createNode }, kind, near, side, height) {
  const made = createNode(kind);
  if (!made) throw new NotTaken(`This ComfyUI has no node ${kind}. Nothing was added.`);
  made.setSize([Math.max(made.size[0], WIDTH), Math.max(made.size[1], height)]);
  made.pos = freeSpot(near, made.size, side);
  near.graph.add(made);
  return made;
}

/** Choose a file in a loader that has just been uploaded. */
export const setFile = (loader, file) => choose(loader, "image", file);

/** Choose what the list of a widget may not have yet. */
function choose(loader, name, value) {
  const widget = loader.widgets.find((one) => one.name === name);
  const choices = widget.options.values;
  if (Array.isArray(choices) && !choices.includes(value)) choices.push(value);
  widget.value = value;
  widget.callback?.(value);
}

/** The first place in the column to the left of a node, or below it, where a node of this size covers no other. */
function freeSpot(near, [width, height], side) {
  const x = side === "left" ? near.pos[0] - width - 2 * GAP : near.pos[0];
  const others = near.graph.nodes.filter((other) => other.pos[0] < x + width && other.pos[0] + other.size[0] > x);
  const bottom = (node) => node.pos[1] + node.size[1] + GAP + TITLE;
  const covers = (y) => others.find((other) => other.pos[1] - TITLE < y + height && bottom(other) > y);
  let y = side === "left" ? near.pos[1] : bottom(near);
  for (let other = covers(y); other; other = covers(y)) y = bottom(other);
  return [x, y];
}
