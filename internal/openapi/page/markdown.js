import { h } from "./dom.js";

// A small part of CommonMark, made into elements: paragraphs, headings, lists, code,
// emphasis and links. All else stays the text that it is.

export function markdown(text) {
  const box = h("div", { class: "prose" });
  const lines = String(text ?? "").replace(/\r\n?/g, "\n").split("\n");
  for (let i = 0; i < lines.length;) {
    const line = lines[i];
    if (!line.trim()) { i++; continue; }
    if (/^\s*```/.test(line)) {
      const inside = [];
      for (i++; i < lines.length && !/^\s*```/.test(lines[i]); i++) inside.push(lines[i]);
      i++;
      box.append(h("pre", { tabindex: "0" }, inside.join("\n")));
      continue;
    }
    const heading = line.match(/^(#{1,6})\s+(.*?)\s*#*$/);
    if (heading) {
      box.append(h(heading[1].length < 3 ? "h3" : "h4", {}, inline(heading[2])));
      i++;
      continue;
    }
    const item = /^\s*([-*+]|\d+[.)])\s+/;
    if (item.test(line)) {
      const list = h(/^\s*\d/.test(line) ? "ol" : "ul");
      for (; i < lines.length && lines[i].trim(); i++) {
        if (item.test(lines[i])) list.append(h("li", {}, inline(lines[i].replace(item, ""))));
        else list.lastChild.append(" ", ...inline(lines[i].trim()));
      }
      box.append(list);
      continue;
    }
    const words = [];
    for (; i < lines.length && lines[i].trim() && !/^\s*```/.test(lines[i]); i++) words.push(lines[i].trim());
    box.append(h("p", {}, inline(words.join("\n"))));
  }
  return box;
}

const span = /`([^`]+)`|\*\*([^*]+)\*\*|\*([^*\s][^*]*)\*|\b_([^_]+)_\b|\[([^\]]+)\]\(([^()\s]+)\)|(https?:\/\/[^\s<>()"']*[^\s<>()"'.,;:!?])/g;

export function inline(text) {
  const parts = [];
  let at = 0;
  for (const m of text.matchAll(span)) {
    if (m.index > at) parts.push(text.slice(at, m.index));
    at = m.index + m[0].length;
    if (m[1]) parts.push(h("code", {}, m[1]));
    else if (m[2]) parts.push(h("strong", {}, inline(m[2])));
    else if (m[3] || m[4]) parts.push(h("em", {}, inline(m[3] ?? m[4])));
    else parts.push(link(m[6] ?? m[7], m[5] ?? m[7]));
  }
  parts.push(text.slice(at));
  return parts;
}

// link lets only addresses through that run no script.
export function link(href, text) {
  let safe = false;
  try {
    safe = ["http:", "https:", "mailto:"].includes(new URL(href, location.href).protocol);
  } catch {}
  return safe ? h("a", { href, rel: "noopener noreferrer nofollow" }, text) : text;
}
