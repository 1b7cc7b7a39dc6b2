// Completion and help from the JSON Schema of rule files, which `bot rules schema` prints, too.

import { yamlLanguage } from "@codemirror/lang-yaml";
import { hoverTooltip } from "@codemirror/view";

let schema = null;

async function load() {
  schema ??= fetch("/console/rules/schema.json").then((answer) => answer.json());
  return schema;
}

export function help() {
  return [yamlLanguage.data.of({ autocomplete: complete }), hoverTooltip(hover)];
}

// Where a place stands: the keys that lead to it, "[]" for an item of a list.

function tokens(text) {
  const found = [];
  let at = text.search(/\S/);
  if (at < 0) return { found, rest: "", at: text.length };
  while (/^-(\s|$)/.test(text.slice(at))) {
    found.push({ column: at, key: "[]" });
    at += 1 + /^\s*/.exec(text.slice(at + 1))[0].length;
  }
  const key = /^(?:"([^"]*)"|'([^']*)'|([^\s#{}[\],"'&*|>][^#{}[\],:]*?))\s*:(?=\s|$)/.exec(text.slice(at));
  if (key) {
    found.push({ column: at, key: key[1] ?? key[2] ?? key[3] });
    at += key[0].length;
  }
  return { found, rest: text.slice(at), at, hasKey: Boolean(key) };
}

function put(stack, token) {
  const isItem = token.key === "[]";
  // A list may stand right under its key, without being indented.
  while (stack.length && (stack.at(-1).column > token.column || (stack.at(-1).column === token.column && !(isItem && stack.at(-1).key !== "[]")))) {
    stack.pop();
  }
  stack.push(token);
}

// The keys inside { } and [ ] that are open at the end of a text.
function flow(text) {
  const open = [];
  let word = "";
  for (const part of text.matchAll(/"(?:\\.|[^"\\])*"?|'(?:''|[^'])*'?|[{}[\],]|:(?=\s|$)|[^{}[\],:"']+|./g)) {
    const [sign] = part;
    if (sign === "{" || sign === "[") open.push({ sign, key: null });
    else if (sign === "}" || sign === "]") open.pop();
    else if (sign === "," && open.length) open.at(-1).key = null;
    else if (sign === ":" && open.length) open.at(-1).key = word.trim();
    word = /^[{}[\],:]$/.test(sign) ? "" : word + sign;
  }
  const path = open.flatMap(({ sign, key }) => (sign === "[" ? ["[]"] : key === null ? [] : [key]));
  const last = open.at(-1);
  return { path, isOpen: open.length > 0, wantsKey: last?.sign === "{" && last.key === null };
}

function placeAt(state, position) {
  const line = state.doc.lineAt(position);
  const stack = [];
  let block = null; // inside a text after | or >
  for (let number = 1; number < line.number; number++) {
    const { text } = state.doc.line(number);
    const indent = text.search(/\S/);
    if (indent < 0 || text[indent] === "#" || (block !== null && indent > block)) continue;
    block = null;
    const { found, rest } = tokens(text);
    for (const token of found) put(stack, token);
    if (/^\s*[|>][-+\d]*\s*(#.*)?$/.test(rest)) block = stack.at(-1)?.column ?? 0;
  }
  const before = line.text.slice(0, position - line.from);
  const { found, rest, at, hasKey } = tokens(before);
  for (const token of found) put(stack, token);
  if (!hasKey && !flow(rest).isOpen) {
    put(stack, { column: rest ? at : before.length, key: null });
    stack.pop();
    return { path: stack.map(({ key }) => key), wantsKey: true };
  }
  const inner = flow(rest);
  return { path: [...stack.map(({ key }) => key), ...inner.path], wantsKey: inner.wantsKey };
}

function widen(nodes, root) {
  return nodes.flatMap((node) => {
    if (!node || typeof node !== "object") return [];
    const more = [...(node.anyOf ?? []), ...(node.oneOf ?? []), ...(node.allOf ?? [])];
    if (node.$ref) more.push(node.$ref.slice(2).split("/").reduce((at, key) => at?.[key], root));
    return [node, ...widen(more, root)];
  });
}

function at(root, path) {
  let nodes = widen([root], root);
  for (const key of path) {
    const next = nodes.map((node) => (key === "[]" ? node.items : node.properties?.[key] ?? node.additionalProperties));
    nodes = widen(next, root);
  }
  return nodes;
}

const example = (node) => (node.examples ?? []).map((one) => (typeof one === "string" ? one : JSON.stringify(one)));

async function complete(context) {
  const word = context.matchBefore(/[\w-]*/);
  if (word.from === word.to && !context.explicit) return null;
  const root = await load();
  const { path, wantsKey } = placeAt(context.state, word.from);
  const nodes = at(root, path);
  const options = [];
  if (wantsKey) {
    for (const node of nodes) {
      for (const [key, inner] of Object.entries(node.properties ?? {})) {
        const [about] = widen([inner], root).filter((one) => one.description);
        options.push({ label: key, apply: `${key}: `, type: "property", detail: about?.title, info: about?.description });
      }
    }
  }
  for (const node of nodes) {
    const values = node.enum ?? (node.const === undefined ? [] : [node.const]);
    for (const value of values) options.push({ label: String(value), type: "constant" });
    if (node.type === "boolean") options.push({ label: "true", type: "constant" }, { label: "false", type: "constant" });
  }
  if (path.at(-1) === "rule") {
    for (const [, name] of context.state.doc.toString().matchAll(/\bname:\s*([\w-]+)/g)) options.push({ label: name, type: "variable" });
  }
  const known = new Map(options.map((option) => [option.label, option]));
  return known.size ? { from: word.from, options: [...known.values()], validFor: /^[\w-]*$/ } : null;
}

async function hover(view, position) {
  const line = view.state.doc.lineAt(position);
  const offset = position - line.from;
  const start = offset - /[\w-]*$/.exec(line.text.slice(0, offset))[0].length;
  const key = /^[\w-]+(?=\s*:(\s|$))/.exec(line.text.slice(start))?.[0];
  if (!key) return null;
  const root = await load();
  const { path } = placeAt(view.state, line.from + start);
  const [about] = at(root, [...path, key]).filter((node) => node.description);
  if (!about) return null;
  return {
    pos: line.from + start,
    end: line.from + start + key.length,
    above: true,
    create() {
      const dom = document.createElement("div");
      dom.className = "cm-help";
      const title = Object.assign(document.createElement("strong"), { textContent: about.title ?? key });
      dom.append(title, about.description);
      for (const text of example(about)) dom.append(Object.assign(document.createElement("code"), { textContent: text }));
      return { dom };
    },
  };
}
