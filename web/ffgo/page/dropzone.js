/** What is dragged over an editor, dropped onto it, or pasted into it: files, and members of the cast. */

/** What a member of the cast is called among the kinds of what is dragged; its text is the member's label. */
export const MEMBER = "application/x-ffgo-member";

/**
 * Hand files on to `onFiles(files, point)`: point is a place in pixels of the frame, or null for what is pasted; and a
 * member that is dropped onto the frame to `onMember(label, point)`. The host must not see them: it would make nodes of
 * its own, or open a workflow that lies in a picture.
 */
export function listenToDrops(root, { toCanvas, onFiles, onMember, signal }) {
  const listen = (type, act) => root.addEventListener(type, act, { signal });
  const keep = (event) => {
    event.preventDefault();
    event.stopPropagation();
  };
  listen("dragover", (event) => {
    if (![MEMBER, "Files"].some((kind) => event.dataTransfer.types.includes(kind))) return;
    keep(event);
    event.dataTransfer.dropEffect = "copy";
    root.classList.add("is-dropping");
  });
  listen("dragleave", ({ relatedTarget }) => {
    if (!root.contains(relatedTarget)) root.classList.remove("is-dropping");
  });
  listen("dragend", () => root.classList.remove("is-dropping"));
  listen("drop", (event) => {
    root.classList.remove("is-dropping");
    const { files } = event.dataTransfer;
    const label = event.dataTransfer.getData(MEMBER);
    if (!files.length && !label) return;
    keep(event);
    if (files.length) onFiles([...files], toCanvas(event));
    else if (event.target.closest(".ffgo-stage")) onMember(label, toCanvas(event));
  });
  listen("paste", (event) => {
    if (!event.clipboardData.files.length) return;
    keep(event);
    onFiles([...event.clipboardData.files], null);
  });
}
