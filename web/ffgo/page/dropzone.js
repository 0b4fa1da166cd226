/** Files that are dragged over, dropped onto, or pasted into an editor. */

/**
 * Hand files on to `onFiles(files, point)`: point is a place in pixels of the frame, or null for what is pasted. The
 * host must not see them: it would make nodes of its own, or open a workflow that lies in a picture.
 */
export function listenToFiles(root, { toCanvas, onFiles, signal }) {
  const listen = (type, act) => root.addEventListener(type, act, { signal });
  const keep = (event) => {
    event.preventDefault();
    event.stopPropagation();
  };
  listen("dragover", (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    keep(event);
    event.dataTransfer.dropEffect = "copy";
    root.classList.add("is-dropping");
  });
  listen("dragleave", ({ relatedTarget }) => {
    if (!root.contains(relatedTarget)) root.classList.remove("is-dropping");
  });
  listen("drop", (event) => {
    root.classList.remove("is-dropping");
    if (!event.dataTransfer.files.length) return;
    keep(event);
    onFiles([...event.dataTransfer.files], toCanvas(event));
  });
  listen("paste", (event) => {
    if (!event.clipboardData.files.length) return;
    keep(event);
    onFiles([...event.clipboardData.files], null);
  });
}
