/**
 * Where the pictures of a node's inputs come from, read off the graph: the page can show them before anything has run.
 * Knows the host's graph, but is handed the app.
 */
import { sourceText } from "../pure/binding.js";
import { CAST_LOADER } from "./cast.js";

const [MUTED, BYPASSED] = [2, 4];
/** Makes a cut-out of a picture's file. */
export const SUBJECT_LOADER = "FFGOLoadSubject";
const LOADERS = ["LoadImage", "LoadImageOutput"];

/**
 * The connected subjects in input order: {source, name, recipe or null, fingerprint or null}.
 * `layers` is what `layersBySource` gives for the last run, or null; `host` is {app, cast}.
 */
export function subjectSources(host, node, layers) {
  return subjectInputs(node).flatMap(({ slot }) => picturesOf(host, origin(host.app, node, slot), layers));
}

/** The background as {source, name, recipe, fingerprint}, or null. */
export function backgroundSource(host, node) {
  const slot = slotNamed(node, "background");
  return slot < 0 || !linkInto(node, slot) ? null : picturesOf(host, origin(host.app, node, slot), null)[0];
}

/**
 * The layers of a run by the source of their input as it is now; a batch gives an input several.
 * A layer is named after its input: "subject2", or "subject2 (picture 1 of 3)".
 */
export function layersBySource(host, node, layers) {
  const found = new Map();
  for (const { slot, key } of subjectInputs(node)) {
    const [{ source }] = picturesOf(host, origin(host.app, node, slot), null);
    const own = layers.filter(({ name }) => name.split(" ", 1)[0] === key);
    if (own.length) found.set(source, own.map(asRecipe));
  }
  return found;
}

function subjectInputs(node) {
  return node.inputs
    .map(({ name }, slot) => ({ slot, name, key: name.split(".").at(-1) }))
    .filter(({ name, slot }) => name.startsWith("subjects.") && linkInto(node, slot));
}

export function asRecipe({ filename, subfolder, type, fingerprint, ...layer }) {
  const { width, height, visible, area, min_alpha: foundWith = 0, alpha_trouble: trouble = null } = layer;
  return {
    file: { filename, subfolder, type }, opacity: "own", width, height, visible, area, foundWith, trouble, fingerprint,
  };
}

/**
 * The widget that gives an input its value: the node's own, the one that stands for it on the outside of a subgraph, or
 * that of a primitive node. Null where the value comes from a node that must run first.
 */
export function widgetFor(app, node, name) {
  const slot = node.inputs.findIndex((one) => one.widget?.name === name);
  const link = slot < 0 ? null : linkInto(node, slot);
  if (!link) return node.widgets?.find((widget) => widget.name === name) ?? null;
  if (!link.originIsIoNode) {
    const feeding = node.graph.getNodeById(link.origin_id);
    return /^Primitive/.test(feeding?.comfyClass ?? feeding?.type) ? (feeding.widgets?.[0] ?? null) : null;
  }
  const outer = outerNode(app, node.graph);
  const outside = outer?.inputs[link.origin_slot];
  return outside?.widget ? widgetFor(app, outer, outside.widget.name) : null;
}

/** The link that feeds an input, or null. A subgraph's node answers getInputLink with a link that is inside it. */
export function linkInto(node, slot) {
  if (!node.inputs[slot]) return null;
  if (!node.isSubgraphNode?.()) return node.getInputLink(slot);
  const ends = (link) => `${link.target_id}` === `${node.id}` && link.target_slot === slot;
  return [...node.graph.links.values()].find(ends) ?? null;
}

/** The node that stands for a subgraph. */
const outerNode = (app, graph) =>
  graphs(app).flatMap(({ nodes }) => nodes).find((node) => node.subgraph && node.subgraph === graph);

/** The node and output that really feeds an input: {node, slot}, or null. */
export function origin(app, node, slot, depth = 0) {
  const link = linkInto(node, slot);
  if (!link || depth > 100) return null;
  if (link.originIsIoNode) {
    const outer = outerNode(app, node.graph);
    return outer ? origin(app, outer, link.origin_slot, depth + 1) : null;
  }
  return through(app, node.graph.getNodeById(link.origin_id), link.origin_slot, link.type, depth + 1);
}

const graphs = (app) => [app.rootGraph, ...app.rootGraph.subgraphs.values()];

/** Follow an output into subgraphs, along reroutes and past bypassed nodes. */
function through(app, node, slot, type, depth) {
  if (!node || node.mode === MUTED || depth > 100) return null;
  if (node.mode === BYPASSED) {
    const sameType = node.inputs.findIndex((input) => input.type === node.outputs[slot].type);
    return sameType < 0 ? null : origin(app, node, sameType, depth + 1);
  }
  if (node.isSubgraphNode?.()) {
    const inner = node.subgraph.outputNode.slots[slot]?.getLinks().at(0);
    return inner ? through(app, node.subgraph.getNodeById(inner.origin_id), inner.origin_slot, type, depth + 1) : null;
  }
  if (node.isVirtualNode) return origin(app, node, 0, depth + 1);
  return { node, slot };
}

/** The pictures that an output gives, as far as can be known; at least one. */
function picturesOf(host, from, layers) {
  if (!from) return [{ source: sourceText("?", ""), name: "", recipe: null, fingerprint: null }];
  const { node, slot } = from;
  const place = node.graph.isRootGraph ? `${node.id}:${slot}` : `${node.graph.id}/${node.id}:${slot}`;
  const upstream = recipesOf(host, from);
  const shown = layers?.get(sourceText(place, nameOf(upstream[0]))) ?? upstream;
  return shown.map((recipe, i) => {
    const file = nameOf(upstream[i] ?? upstream[0]);
    const source = sourceText(i ? `${place}#${i + 1}` : place, file);
    return { source, name: file || (node.title ?? ""), recipe, fingerprint: recipe?.fingerprint ?? null };
  });
}

/** The name of the user's file, which a run may have cut out into another; of a member of the cast, theirs. */
const nameOf = (recipe) => recipe?.named ?? recipe?.file.filename ?? "";

function recipesOf({ app, cast }, { node, slot }) {
  if (node.comfyClass === CAST_LOADER) return [slot > 0 ? null : memberRecipe(app, cast, node)];
  if (node.comfyClass === SUBJECT_LOADER) return [slot > 0 ? null : loadedRecipe(app, node)];
  if (LOADERS.includes(node.comfyClass)) return [{ file: fileOf(node), opacity: null }];
  if (node.comfyClass === "JoinImageWithAlpha") return [joinedRecipe(app, node)];
  const images = app.nodeOutputs[locator(node)]?.images;
  if (slot > 0 || !images?.length) return [null];
  return images.map(({ filename, subfolder, type }) => ({ file: { filename, subfolder, type }, opacity: "own" }));
}

/** Under which name the host keeps a node's results. */
export const locator = (node) => (node.graph.isRootGraph ? `${node.id}` : `${node.graph.id}:${node.id}`);

/** What Load Subject gives: the cut-out of its last run, or before that its file as far as it is known. */
function loadedRecipe(app, node) {
  const { ffgo_subject: [cut] = [], images: [shown] = [] } = app.nodeOutputs[locator(node)] ?? {};
  const [file, cutBy] = [fileOf(node), widgetValue(node, "cut_by")];
  // Once another file is chosen, the host shows that.
  if (cut && shown?.type === "temp") return { ...asRecipe(cut), named: file.filename };
  if (cutBy === "inverted alpha") return { file, opacity: { file, channel: "alpha", inverted: true } };
  const ground = cutBy === "auto" || cutBy === "plain ground";
  return { file, opacity: cutBy === "auto" || cutBy === "own alpha" ? "own" : null, ground };
}

/** Who is chosen in Load from Cast; null where a node that must run first says it. */
function memberRecipe(app, cast, node) {
  const [label, number] = ["cast", "picture"].map((name) => widgetFor(app, node, name)?.value);
  return label === undefined ? null : cast.recipe(label, number);
}

/** What Join Image with Alpha makes: the colours of one file, the opacity of the same or another. */
function joinedRecipe(app, node) {
  const photo = origin(app, node, slotNamed(node, "image"));
  const opacity = opacityOf(app, origin(app, node, slotNamed(node, "alpha")));
  if (!photo || !opacity || !LOADERS.includes(photo.node.comfyClass)) return null;
  const file = fileOf(photo.node);
  const own = opacity.channel === "alpha" && !opacity.inverted && same(opacity.file, file);
  return { file, opacity: own ? "own" : opacity };
}

const slotNamed = (node, name) => node.inputs.findIndex((input) => input.name === name);
const same = (a, b) => a.filename === b.filename && a.subfolder === b.subfolder && a.type === b.type;

/** The opacity that a mask stands for (1 - mask): {file, channel, inverted}, or null. */
function opacityOf(app, from) {
  if (!from) return null;
  const { node, slot } = from;
  if (LOADERS.includes(node.comfyClass) && slot === 1) return { file: fileOf(node), channel: "alpha", inverted: false };
  if (node.comfyClass === "LoadImageMask") {
    const channel = widgetValue(node, "channel");
    return { file: fileOf(node), channel, inverted: channel !== "alpha" };
  }
  if (node.comfyClass !== "InvertMask") return null;
  const inner = opacityOf(app, origin(app, node, 0));
  return inner && { ...inner, inverted: !inner.inverted };
}

const widgetValue = (node, name) => node.widgets?.find((widget) => widget.name === name)?.value;

/** "folder/name.png [output]" as the server's {filename, subfolder, type}. */
function fileOf(node) {
  const value = String(widgetValue(node, "image") ?? "");
  const [, path, type] = /^(.*?)(?: \[(input|output|temp)\])?$/.exec(value);
  const fallback = node.comfyClass === "LoadImageOutput" ? "output" : "input";
  const parts = path.split("/");
  return { filename: parts.pop(), subfolder: parts.join("/"), type: type ?? fallback };
}
