/**
 * Print what the laws ask of JavaScript modules, read with the parser that Node.js brings (--expose-internals), as JSON:
 * for each file {imports, functions: [{line, lines}], names}. Files are the arguments.
 */
const { readFileSync } = require("node:fs");
const { parse } = require("internal/deps/acorn/acorn/dist/acorn");
const { full } = require("internal/deps/acorn/acorn-walk/dist/walk");

function outline(file) {
  const [imports, functions, names] = [[], [], new Set()];
  full(parse(readFileSync(file, "utf8"), { ecmaVersion: "latest", sourceType: "module", locations: true }), (node) => {
    const { type, source, loc } = node;
    if (/^Import|^Export/.test(type) && source) imports.push(source.value ?? null);
    if (/Function/.test(type)) functions.push({ line: loc.start.line, lines: loc.end.line - loc.start.line + 1 });
    if (type === "Identifier") names.add(node.name);
    if (type === "MemberExpression" && !node.computed) names.add(node.property.name);
  });
  return { imports, functions, names: [...names] };
}

console.log(JSON.stringify(Object.fromEntries(process.argv.slice(2).map((file) => [file, outline(file)]))));
