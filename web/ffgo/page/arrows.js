/** A row of buttons that is one stop of the Tab key: arrows move inside it. */

/** The first of the row's buttons is the stop until an arrow moves it. `buttons()` are those that are there now. */
export function moveByArrows(row, buttons, signal) {
  row.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const all = buttons();
    if (!step || !all.length) return;
    event.preventDefault();
    event.stopPropagation();
    const next = all[(all.indexOf(document.activeElement) + step + all.length) % all.length];
    for (const button of all) button.tabIndex = button === next ? 0 : -1;
    next.focus();
  }, { signal });
}
