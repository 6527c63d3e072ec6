// Elements are made by functions, and text is only ever text: nothing that a document
// or a server says is read as markup.

export function h(tag, props, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((c) => c !== undefined && c !== null && c !== false));
  return element;
}

export const $ = (selector, from = document) => from.querySelector(selector);

export function copyButton(text) {
  const button = h("button", { type: "button", class: "copy", onclick: async () => {
    try {
      await navigator.clipboard.writeText(text());
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not allowed"; // without HTTPS there is no clipboard
    }
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  } }, "Copy");
  return button;
}

// code shows a text with its copy button. JSON is coloured.
export function code(text, label, { json = false } = {}) {
  const pre = h("pre", { tabindex: "0", "aria-label": label }, json ? coloured(text) : text);
  return h("div", { class: "code" }, copyButton(() => pre.textContent), pre);
}

const token = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(true|false|null)\b|(-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)/g;

export function coloured(text) {
  if (text.length > 200_000) return [text];
  const parts = [];
  let at = 0;
  for (const m of text.matchAll(token)) {
    if (m.index > at) parts.push(text.slice(at, m.index));
    if (m[1] && m[2]) parts.push(h("span", { class: "key" }, m[1]), m[2]);
    else parts.push(h("span", { class: m[1] ? "str" : m[3] ? "lit" : "num" }, m[0]));
    at = m.index + m[0].length;
  }
  parts.push(text.slice(at));
  return parts;
}

export function pretty(text) {
  try {
    // Numbers keep their digits: they are only moved, never read.
    JSON.parse(text);
    return indent(text);
  } catch {
    return null;
  }
}

function indent(text) {
  let out = "", level = 0, quoted = false;
  const line = () => "\n" + "  ".repeat(level);
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (quoted) {
      out += c;
      if (c === "\\") out += text[++i];
      else if (c === '"') quoted = false;
      continue;
    }
    if (c === '"') { quoted = true; out += c; }
    else if (c === "{" || c === "[") {
      const rest = text.slice(i + 1, i + 40).match(/^\s*([}\]])/);
      if (rest) { out += c + rest[1]; i += rest[0].length; }
      else { level++; out += c + line(); }
    } else if (c === "}" || c === "]") { level--; out += line() + c; }
    else if (c === ",") out += c + line();
    else if (c === ":") out += ": ";
    else if (!/\s/.test(c)) out += c;
  }
  return out;
}
