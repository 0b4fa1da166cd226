/** Pictures that are dropped onto a compose node, or pasted into it: uploaded, loaded, linked and put in their places. */
import { MAX_SUBJECTS } from "../pure/constants.js";
import { boxesFor, isBackground } from "../pure/dropping.js";
import { addSubject, asOneStep, setBackground } from "./loaders.js";
import { NotTaken, notPictures, picturesAmong, uploaded } from "./upload.js";

/**
 * What an editor's `onFiles` is for a node: all that comes of one drop is one step of undo, and nothing is made before all
 * of it is there. `host` is {app, fetchApi, createNode, pictures}; `refresh` shows the inputs as they are now.
 */
export function createReceiver(node, host, { model, refresh }) {
  let busy = false;

  return async function receive(files, point, say) {
    if (busy) return say("Wait until the pictures before these are there.");
    busy = true;
    try {
      say(await take(files, point, say));
    } catch (error) {
      if (!(error instanceof NotTaken)) throw error;
      say(error.message);
    } finally {
      busy = false;
    }
  };

  async function take(files, point, say) {
    const chosen = picturesAmong(files);
    const mayBeBackground = chosen.length === 1 && point;
    if (!mayBeBackground) requireRoom(chosen.length, model);
    const names = await uploaded(chosen, host.fetchApi, say);
    const found = await Promise.all(names.map((name) => host.pictures.load(recipeOf(name))));
    const broken = chosen.filter((_, i) => !found[i]).map(({ name }) => name);
    if (broken.length) throw new NotTaken(`Cannot be read as a picture: ${broken.join(", ")}. Nothing was added.`);
    if (!node.graph) return "";
    if (isBackground(found, point, model.scene.canvas)) asOneStep(host.app, node.graph, () => setBackground(host, names[0], node));
    else {
      requireRoom(names.length, model);
      asOneStep(host.app, node.graph, () => addSubjects(names, found, point));
    }
    return notPictures(files);
  }

  function addSubjects(names, found, point) {
    const { places, canvas, automatic, note } = model.scene;
    const before = new Set(places.map(({ subject }) => subject.source));
    const boxes = boxesFor(found, point, places, canvas);
    for (const name of names) addSubject(host, name, { target: node });
    refresh();
    const added = model.scene.places.filter(({ subject }) => !before.has(subject.source)).map(({ index }) => index);
    // Where nothing says otherwise, several come into rows, as FFGo was trained.
    const inRows = automatic && !(point && names.length === 1);
    if (inRows || note) return;
    const placed = (entry, i) => (added.includes(i) ? { ...entry, ...boxes[added.indexOf(i)] } : entry);
    model.preview((entries) => entries.map(placed));
    model.commit();
    if (added.length === 1) model.select(added[0]);
  }

  /** How the picture of a new Load Subject is asked for; its defaults are those of the node. */
  function recipeOf(name) {
    const parts = name.split("/");
    const file = { filename: parts.pop(), subfolder: parts.join("/"), type: "input" };
    return { file, opacity: "own", ground: true, minAlpha: model.minAlpha };
  }
}

/** Raises NotTaken where more are dropped than a frame takes. */
export function requireRoom(count, model) {
  const free = MAX_SUBJECTS - model.scene.places.length;
  if (count <= free) return;
  const fit = free > 0 ? `${free} more ${free === 1 ? "fits" : "fit"}` : "it has them all";
  throw new NotTaken(`A frame takes ${MAX_SUBJECTS} subjects: ${fit}, and ${count} came. Nothing was added.`);
}
