/** What is connected to a compose node, with the pictures as far as they are known. */
import { asRecipe, backgroundSource, layersBySource, locator, subjectSources } from "./sources.js";

/** A run's layers by the sources that they came from, kept from when they came. */
const runs = new WeakMap();

/** What the model's `connect` takes. A picture that is not there yet is asked for; `onPicture` says when it comes. */
export function connectedInputs(node, { app, pictures, cast, minAlpha, onPicture }) {
  const host = { app, cast };
  const results = app.nodeOutputs[locator(node)];

  function present(recipe) {
    const picture = pictures.get(recipe);
    if (picture === undefined) pictures.load(recipe).then(onPicture);
    return picture ?? null;
  }

  function withPicture({ source, name, recipe: made, fingerprint }) {
    const recipe = made && { ...made, minAlpha };
    const picture = recipe && present(recipe);
    const awaited = Boolean(recipe) && !picture;
    const missing = awaited && pictures.get(recipe) === null;
    return { source, name, fingerprint, picture, missing, loading: awaited && !missing };
  }

  /** What is connected, or else what the last run drew. */
  function background(drawn) {
    const source = backgroundSource(host, node);
    const recipe = source && (source.recipe ?? (drawn && asRecipe(drawn)));
    const picture = recipe && present(recipe);
    if (picture) return { background: { size: picture.size, picture }, ground: { state: "shown" } };
    const missing = recipe && pictures.get(recipe) === null;
    const state = !source ? "none" : !recipe ? "unrun" : missing ? "missing" : "loading";
    return { background: null, ground: { state, name: source?.name } };
  }

  return {
    subjects: subjectSources(host, node, layersOf(host, node, results?.ffgo_layers)).map(withPicture),
    ...background(results?.ffgo_background?.[0]),
  };
}

function layersOf(host, node, layers) {
  if (!layers) return null;
  if (!runs.has(layers)) runs.set(layers, layersBySource(host, node, layers));
  return runs.get(layers);
}
