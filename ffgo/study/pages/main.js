/** Shows what the server says is next. A reload, now or later, here or on another device, goes on at the same place. */

import { ask, tellUntilHeard } from "./api.js";
import { paragraphs, say, show } from "./dom.js";
import { SetView } from "./set_view.js";
import { showDone, showLogin, showTexts } from "./steps.js";

const ADDRESSES = { set: "/set", done: "/done" };
let view = null;

async function next() {
  let state;
  try {
    state = await ask("/api/state");
  } catch (error) {
    say(`${error.message} Trying again…`);
    setTimeout(next, 3000);
    return;
  }
  view?.dispose();
  view = null;
  say("");
  history.replaceState(null, "", ADDRESSES[state.step] ?? "/");
  if (state.step === "set") view = new SetView(state, next);
  else if (state.step === "done") showDone(state);
  else if (state.step === "login") showLogin(state, next);
  else showTexts(state, next);
}

/** Prolific's link says who comes; the names do not stay in the address. */
async function arrive() {
  const said = new URLSearchParams(location.search);
  const pid = said.get("PROLIFIC_PID");
  if (!pid) return;
  const about = { pid, study_id: said.get("STUDY_ID") ?? "", session_id: said.get("SESSION_ID") ?? "" };
  await tellUntilHeard("/api/login", about, (error) => say(error.message));
}

arrive().then(next, (error) => {
  show("Study", "This did not work", ...paragraphs([error.message, "Reload the page to try again."]));
});
