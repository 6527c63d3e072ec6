import { h } from "./dom.js";
import { limits } from "./model.js";
import { inline } from "./markdown.js";

// A schema is shown as a tree of its properties. What is deeper opens on demand, and is
// made then: types may refer to themselves.

export function schemaView(model, schema) {
  const s = model.resolve(schema);
  const inner = innerOf(model, s);
  const head = h("div", { class: "row" }, h("span", { class: "type" }, model.label(schema)), facts(s));
  const box = h("div", { class: "schema" }, head);
  if (s.description) head.append(h("span", { class: "note" }, inline(s.description)));
  if (inner) box.append(properties(model, inner));
  return box;
}

// innerOf finds the object in a schema: itself, what a list has, or what is described
// by several.
function innerOf(model, s) {
  if (s.properties && Object.keys(s.properties).length) return s;
  if (s.items) return innerOf(model, model.resolve(s.items));
  if (s.contentSchema) return innerOf(model, model.resolve(s.contentSchema));
  if (typeof s.additionalProperties === "object") return innerOf(model, model.resolve(s.additionalProperties));
  for (const several of [s.allOf, s.oneOf, s.anyOf]) {
    const found = (several ?? []).map((x) => innerOf(model, model.resolve(x))).filter(Boolean);
    if (found.length) return Object.assign({}, ...found, { properties: Object.assign({}, ...found.map((f) => f.properties)) });
  }
  return null;
}

function properties(model, s) {
  return h("ul", { class: "properties" }, Object.entries(s.properties).map(([name, schema]) =>
    row(model, name, schema, { required: s.required?.includes(name) })));
}

// row is one property or parameter.
export function row(model, name, schema, { required, place, description, deprecated } = {}) {
  const s = model.resolve(schema);
  const inner = innerOf(model, s);
  const head = [
    h("code", { class: "name" + (deprecated || s.deprecated ? " old" : "") }, name), " ",
    h("span", { class: "type" }, s.contentSchema ? `${model.label(s.contentSchema)} as JSON` : model.label(schema)),
    place && h("span", { class: "tag" }, place),
    required && h("span", { class: "tag required" }, "required"),
    (deprecated || s.deprecated) && h("span", { class: "tag" }, "deprecated"),
    facts(s),
  ];
  const note = description ?? s.description;
  const text = note && h("div", { class: "note" }, inline(note));
  if (!inner) return h("li", {}, h("div", { class: "row" }, head), text);
  const details = h("details", {}, h("summary", { class: "row" }, head));
  details.addEventListener("toggle", () => {
    if (details.open && details.children.length === 1) details.append(properties(model, inner));
  });
  return h("li", {}, details, text);
}

function facts(s) {
  const of = s.items && !s.enum ? s.items : s;
  const values = s.enum ?? of.enum;
  return [
    values && h("span", { class: "fact" }, values.map((v, i) => [i ? " " : "", h("code", {}, typeof v === "string" ? v : JSON.stringify(v))])),
    limits(s).map((text) => h("span", { class: "fact" }, text)),
  ];
}
