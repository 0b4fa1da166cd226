/** The mouse wheel over an editor. */

/**
 * While the pointer is on `root`, call `act(index, event)` for a wheel over the selected subject: the host, which would
 * zoom the graph, must not see it.
 */
export function listenToWheel(root, model, act, signal) {
  const onWheel = (event) => {
    const target = event.target instanceof Element ? event.target.closest(".ffgo-subject, .ffgo-handles") : null;
    const index = target && root.contains(target) ? Number(target.dataset.index) : -1;
    if (index < 0 || index !== model.scene.selected) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    act(index, event);
  };
  const onEnter = () => {
    const inside = new AbortController();
    const leave = () => inside.abort();
    window.addEventListener("wheel", onWheel, { signal: inside.signal, capture: true, passive: false });
    root.addEventListener("pointerleave", leave, { signal: inside.signal });
    signal.addEventListener("abort", leave, { signal: inside.signal });
  };
  root.addEventListener("pointerenter", onEnter, { signal });
}
