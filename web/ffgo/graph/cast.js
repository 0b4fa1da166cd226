/** The cast of this ComfyUI as the page knows it: read when it is shown, and when a node names somebody unknown. */
import { NotTaken } from "./upload.js";

/** Loads somebody of the cast. */
export const CAST_LOADER = "FFGOLoadFromCast";
const TRY_AGAIN_MS = 5000;

/** `onChange` is called when what is known of the cast has changed. */
export function createCastList({ fetchApi, apiURL, onChange }) {
  let known = { folder: "", members: [] };
  const missed = new Map();

  async function read() {
    const failed = (why) => new NotTaken(`The cast cannot be read: ${why} Show it again to try once more.`);
    let answer = null;
    try {
      answer = await fetchApi("/ffgo/cast");
    } catch {
      throw failed("the server does not answer.");
    }
    if (!answer.ok) throw failed(`the server refused it (${answer.status} ${answer.statusText}).`);
    const before = JSON.stringify(known);
    known = await answer.json();
    if (JSON.stringify(known) !== before) onChange();
  }

  return {
    /** Everybody who is in it now: [{label, noun, thumb}]. Throws NotTaken where it cannot be read. */
    async list() {
      await read();
      const thumb = (slug) => apiURL(`/ffgo/cast/${encodeURIComponent(slug)}/thumb`);
      return known.members.map(({ slug, label, noun }) => ({ label, noun, thumb: thumb(slug) }));
    },

    /** A member's picture as graph/pictures.js takes it, by what its loader says; null if it is not known (yet). */
    recipe(label, number = 1) {
      const member = known.members.find((one) => one.label === label);
      const filename = member?.files[number - 1];
      if (filename) {
        const file = { filename, subfolder: `${known.folder}/${member.slug}`, type: "input" };
        return { file, opacity: "own", named: member.name };
      }
      if (!(performance.now() - missed.get(label) < TRY_AGAIN_MS)) {
        missed.set(label, performance.now());
        read().catch(() => {});
      }
      return null;
    },
  };
}
