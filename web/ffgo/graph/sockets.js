/** The sockets of our nodes that grow with what is connected: "subjects.subject0", "subjects.subject1", … */
import { chain } from "./chain.js";

const groupOf = (name) => name.slice(0, Math.max(name.lastIndexOf("."), 0));
const isGrown = ({ name, widget }) => !widget && groupOf(name) !== "";

/** Keep the growing sockets of a node that has just been made where they belong, named in the user's language. */
export function tendSockets(node) {
  const configure = node.configure;
  // The host puts sockets that the definition does not name behind all others, and then links by the places of before:
  // in copies and subgraphs the third subject would be lost, or land on a widget. So they are there before it looks.
  node.configure = function (data, ...more) {
    for (const socket of data.inputs ?? []) if (isGrown(socket)) grow(node, socket);
    return configure.call(this, data, ...more);
  };
  for (const hook of ["onConfigure", "onConnectionsChange"]) chain(node, hook, () => rename(node));
  rename(node);
}

function grow(node, { name, type }) {
  const last = node.inputs.findLastIndex((input) => isGrown(input) && groupOf(input.name) === groupOf(name));
  if (last < 0 || node.inputs.some((input) => input.name === name)) return;
  // In the user's language and counted from one, as the host names those that grow while it looks.
  const shown = node.inputs[last].localized_name?.replace(/\d+/, (count) => Number(count) + 1);
  node.addInput(name, type, { localized_name: shown });
  const [added] = node.inputs.splice(-1);
  node.inputs.splice(last + 1, 0, added);
}

/** Some pages label these sockets with their ids, and would show no translation. */
function rename(node) {
  for (const input of node.inputs) {
    if (isGrown(input) && input.label === input.name.slice(groupOf(input.name).length + 1)) input.label = undefined;
  }
}
