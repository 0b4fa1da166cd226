/** Shows the canvases of a memory on the node that composed them. */
import { memoryPages } from "../page/pages.js";
import { showAfterRuns } from "./after_run.js";

export const MEMORY_NODE = "FFGOComposeMemory";
const WIDGET = { name: "ffgo_pages", type: "FFGO_PAGES", css: "ffgo-pages-holder", height: 260 };
const MIN_WIDTH = 440;

/** Show the canvases of each run as tabs; `host` is {app, apiURL}. */
export function addPages(node, { app, apiURL }) {
  const address = ({ filename, subfolder, type }) =>
    apiURL(`/view?${new URLSearchParams({ filename, subfolder, type })}`);
  const read = ({ ffgo_pages: pages, images }) =>
    pages?.length === images?.length ? pages?.map((page, i) => ({ ...page, url: address(images[i]) })) : null;
  // Which canvas is looked at stays so from run to run.
  let chosen = 0;
  const build = (pages) => memoryPages(pages, { chosen, onChoose: (number) => (chosen = number) });
  showAfterRuns(node, app, { widget: WIDGET, read, build });
  node.hideOutputImages = true; // no second picture of them below
  node.onDrawBackground = () => {};
  node.setSize([Math.max(node.size[0], MIN_WIDTH), node.size[1]]);
}
