/**
 * Pictures for the editor: loaded one at a time, measured at full size, kept small. Kept for all editors of the page,
 * so that undo and a change of renderer need not load them again.
 *
 * A recipe says what a picture is made of: {file, opacity}: `file` names a picture on the server ({filename,
 * subfolder, type}); `opacity` is null (opaque), "own" (the file's alpha) or {file, channel, inverted}.
 * A layer is a recipe whose size is known: {..., width, height, visible: [x, y, w, h], area, foundWith, trouble}.
 * One with `ground` is of a picture whose plain ground a run will cut away, if nothing of it is transparent.
 * A subject's recipe says from which alpha on something counts as seen: {..., minAlpha}.
 */
import { look, looks, unseen } from "../pure/alpha.js";

const LONGEST_SIDE = 1024;
const STRIP = 128;
const KEPT = 40;
const TRY_AGAIN_MS = 5000;

export function createPictures(fetchApi) {
  const loaded = new Map();
  const loading = new Map();
  const missed = new Map();
  let queue = Promise.resolve();

  const fetched = async (file, channel) => {
    const query = new URLSearchParams({ ...file, ...(channel && { channel }) });
    const answer = await fetchApi(`/view?${query}`);
    return answer.ok ? createImageBitmap(await answer.blob()) : null;
  };

  async function load(recipe) {
    if (recipe.width) return small(await fetched(recipe.file), recipe);
    if (!recipe.opacity) return small(await fetched(recipe.file, "rgb"), recipe);
    if (recipe.opacity === "own") return small(await fetched(recipe.file), recipe);
    return small(await joined(recipe), recipe);
  }

  /** A photo with the opacity of another file. */
  async function joined({ file, opacity }) {
    const { channel, inverted } = opacity;
    const photo = await fetched(file, "rgb");
    const mask = await fetched(opacity.file, channel === "alpha" ? "a" : "rgb");
    if (!photo || !mask) return null;
    const canvas = new OffscreenCanvas(photo.width, photo.height);
    const context = canvas.getContext("2d");
    context.drawImage(photo, 0, 0);
    context.globalCompositeOperation = inverted ? "destination-out" : "destination-in";
    context.drawImage(channel === "alpha" ? mask : asAlpha(mask, channel), 0, 0, canvas.width, canvas.height);
    photo.close();
    mask.close();
    return canvas.transferToImageBitmap();
  }

  return {
    /** {size, visible, area, trouble, isOpaque, uncut, bitmap}; undefined if not there yet, null if just missed. */
    get(recipe) {
      const key = JSON.stringify(recipe);
      const picture = loaded.get(key);
      if (picture) {
        loaded.delete(key);
        loaded.set(key, picture);
      }
      return picture ?? (performance.now() - missed.get(key) < TRY_AGAIN_MS ? null : undefined);
    },

    /** Resolves to the picture once it is there, or to null. */
    load(recipe) {
      const key = JSON.stringify(recipe);
      if (!loading.has(key)) {
        queue = queue.then(() => load(recipe)).catch(() => null).then((picture) => {
          loading.delete(key);
          if (picture) loaded.set(key, picture);
          else missed.set(key, performance.now());
          for (const oldest of [...loaded.keys()].slice(0, Math.max(loaded.size - KEPT, 0))) loaded.delete(oldest);
          return picture;
        });
        loading.set(key, queue);
      }
      return loading.get(key);
    },
  };
}

/** The picture's channel as the alpha of a canvas. */
function asAlpha(bitmap, channel) {
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
  const from = ["red", "green", "blue"].indexOf(channel);
  for (let i = 0; i < pixels.data.length; i += 4) pixels.data[i + 3] = pixels.data[i + from];
  context.putImageData(pixels, 0, 0);
  return canvas;
}

/** Measure a bitmap, unless the recipe says what it is, and keep a small one. */
async function small(bitmap, recipe) {
  if (!bitmap) return null;
  const size = recipe.width ? [recipe.width, recipe.height] : [bitmap.width, bitmap.height];
  const seen = isKnown(recipe) ? known(recipe) : recipe.opacity && (await measured(bitmap, recipe));
  const picture = { size, ...opaque(size), ...seen };
  picture.isOpaque = picture.trouble === "opaque" || !recipe.opacity;
  if (recipe.ground && picture.isOpaque) Object.assign(picture, { trouble: null, uncut: true });
  const scale = Math.min(1, LONGEST_SIDE / Math.max(bitmap.width, bitmap.height));
  if (scale === 1) return { ...picture, bitmap };
  const side = (length) => Math.max(1, Math.round(length * scale));
  const shrunk = { resizeWidth: side(bitmap.width), resizeHeight: side(bitmap.height), resizeQuality: "high" };
  const shown = await createImageBitmap(bitmap, shrunk);
  bitmap.close();
  return { ...picture, bitmap: shown };
}

const opaque = ([width, height]) => ({ visible: { x: 0, y: 0, width, height }, area: width * height, trouble: null });

/** Whether a run found out what can be seen, with the least alpha that counts now. */
const isKnown = ({ width, foundWith = 0, minAlpha = 0 }) => Boolean(width) && foundWith === minAlpha;

function known({ visible, area, trouble }) {
  const box = ([x, y, width, height]) => ({ x, y, width, height });
  return {
    ...(visible && { visible: box(visible) }),
    ...(area !== undefined && { area }),
    trouble: Array.isArray(trouble) ? box(trouble) : (trouble ?? null),
  };
}

/** Let the page draw its next frame. */
const breathe = () => globalThis.scheduler?.yield?.() ?? new Promise((done) => setTimeout(done));

/** What of a bitmap can be seen, in pixels of its picture; a strip at a time, so that the page goes on drawing. */
async function measured(bitmap, recipe) {
  const { width, height } = bitmap;
  const canvas = new OffscreenCanvas(width, Math.min(STRIP, height));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const found = unseen(width, height, recipe.minAlpha);
  for (let top = 0; top < height; top += STRIP) {
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.drawImage(bitmap, 0, -top);
    const rows = Math.min(STRIP, height - top);
    look(found, context.getImageData(0, 0, width, rows).data, rows, top);
    await breathe();
  }
  const seen = looks(found);
  return seen.visible ? enlarged(seen, (recipe.width ?? width) / width, (recipe.height ?? height) / height) : {};
}

/** What was measured on a smaller picture, in pixels of the whole. */
function enlarged({ visible, area, trouble }, across, down) {
  const box = ({ x, y, width, height }) => ({
    x: Math.floor(x * across), y: Math.floor(y * down),
    width: Math.ceil(width * across), height: Math.ceil(height * down),
  });
  return { visible: box(visible), area: area * across * down, trouble: trouble?.width ? box(trouble) : trouble };
}
