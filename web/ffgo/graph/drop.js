/**
 * What is dropped onto a compose node: pictures (or pasted), and members of the cast. Uploaded, loaded, linked, put in
 * their places.
 */
import { MAX_SUBJECTS } from "../pure/constants.js";
import { originOf } from "../pure/binding.js";
import { boxesFor, isBackground } from "../pure/dropping.js";
import { addMember, addSubject, asOneStep, setBackground } from "./loaders.js";
import { NotTaken, notPictures, picturesAmong, uploaded } from "./upload.js";

/**
 * What an editor's {onFiles, onMember, listCast} are for a node: all that comes of one drop is one step of undo, and
 * nothing is made before all of it is there. `host` is {app, fetchApi, createNode, pictures, cast}, `frame` {model,
 * refresh, minAlpha}: see compose_node.js.
 */
export function createReceiver(node, host, frame) {
  const { model } = frame;
  let busy = false;

  /** Do one thing at a time, and say what comes of it; whether it was done. */
  async function alone(act, say) {
    if (busy) {
      say("Wait until the pictures before these are there.");
      return false;
    }
    busy = true;
    try {
      say(await act());
      return true;
    } catch (error) {
      if (!(error instanceof NotTaken)) throw error;
      say(error.message);
      return false;
    } finally {
      busy = false;
    }
  }

  async function take(files, point, say) {
    const chosen = picturesAmong(files);
    const mayBeBackground = chosen.length === 1 && point;
    if (!mayBeBackground) requireRoom(chosen.length, model);
    const { names, found } = await fetched(chosen, host, frame.minAlpha(), say);
    if (!node.graph) return "";
    if (isBackground(found, point, model.scene.canvas)) {
      asOneStep(host.app, node.graph, () => setBackground(host, names[0], node));
    } else {
      requireRoom(names.length, model);
      const link = () => names.forEach((name) => addSubject(host, name, { target: node }));
      asOneStep(host.app, node.graph, () => placed(frame, found, point, link));
    }
    return notPictures(files);
  }

  async function takeMember(label, point) {
    requireRoom(1, model);
    const recipe = host.cast.recipe(label);
    const picture = recipe && (await host.pictures.load({ ...recipe, minAlpha: frame.minAlpha() }));
    if (!picture) throw new NotTaken(`The picture of ${label} was not found. Show the cast anew. Nothing was added.`);
    if (!node.graph) return "";
    asOneStep(host.app, node.graph, () => placed(frame, [picture], point, () => addMember(host, label, node)));
    return "";
  }

  return {
    onFiles: (files, point, say) => alone(() => take(files, point, say), say),
    onMember: (label, point, say) => alone(() => takeMember(label, point), say),
    listCast: host.cast.list,
  };
}

/** Files on the server: {names, found: pictures as the editor has them}. Throws NotTaken. */
export async function fetched(files, host, minAlpha, say) {
  const names = await uploaded(files, host.fetchApi, say);
  const found = await Promise.all(names.map((name) => host.pictures.load(recipeOf(name, minAlpha))));
  const broken = files.filter((_, i) => !found[i]).map(({ name }) => name);
  if (broken.length) throw new NotTaken(`Cannot be read as a picture: ${broken.join(", ")}. Nothing was added.`);
  return { names, found };
}

/** How the picture of a new Load Subject is asked for, whose other settings are the node's defaults. */
function recipeOf(name, minAlpha) {
  const parts = name.split("/");
  const file = { filename: parts.pop(), subfolder: parts.join("/"), type: "input" };
  return { file, opacity: "own", ground: true, minAlpha };
}

/** Give the subjects that `link` connects places of their own: where they were dropped, or in free ones. */
export function placed({ model, refresh }, found, point, link) {
  const { places, canvas, automatic, note } = model.scene;
  const origins = (all) => all.map(({ subject }) => originOf(subject.source));
  const before = origins(places);
  const boxes = boxesFor(found, point, places, canvas);
  link();
  refresh();
  // Where nothing says otherwise, several come into rows, as FFGo was trained.
  if (note || (automatic && !(point && found.length === 1))) return;
  const after = origins(model.scene.places);
  const added = [...after.keys()].filter((i) => !before.includes(after[i]));
  model.preview((entries) => entries.map((entry, i) => ({ ...entry, ...boxes[added.indexOf(i)] })));
  model.commit();
  if (added.length === 1) model.select(added[0]);
}

/** Throws NotTaken where more come than the frame takes. */
export function requireRoom(count, model) {
  const free = MAX_SUBJECTS - model.scene.places.length;
  if (count <= free) return;
  const fit = free > 0 ? `${free} more ${free === 1 ? "fits" : "fit"}` : "it has them all";
  throw new NotTaken(`A frame takes ${MAX_SUBJECTS} subjects: ${fit}, and ${count} came. Nothing was added.`);
}
