import { h } from "./dom.js";

let count = 0;

// fields lays inputs out with their labels.
export function fields(list) {
  return h("div", { class: "fields" }, list.map(({ name, note, required, input }) => {
    const id = `f${++count}`;
    input.id = id;
    input.dataset.name = name;
    if (required) input.setAttribute("aria-required", "true");
    return h("div", { class: "field" },
      h("label", { for: id, class: "label" }, name, required && h("span", { class: "star", "aria-hidden": "true" }, " *"), note && [" ", h("span", { class: "note" }, note)]),
      input);
  }));
}

// inputFor makes the input for a value of a schema. It tells of the value as a text, or
// of files as their list.
export function inputFor(model, schema, value, changed, { file = false } = {}) {
  const s = model.resolve(schema);
  const types = [].concat(s.type ?? []);
  if (file) {
    return h("input", { type: "file", multiple: types.includes("array"), onchange: (e) => changed(e.target.files) });
  }
  const choose = (values) => h("select", { onchange: (e) => changed(e.target.value) },
    h("option", { value: "" }, ""), values.map((v) => h("option", { value: String(v), selected: String(v) === value }, String(v))));
  if (s.enum) return choose(s.enum.filter((v) => v !== null));
  if (types.includes("boolean")) return choose([true, false]);
  const hint = s.default !== undefined ? String(Array.isArray(s.default) ? s.default.join(", ") : s.default) : types.includes("array") ? "several: with commas" : "";
  const number = types.includes("integer") || types.includes("number");
  return h("input", { type: "text", value, placeholder: hint, inputmode: number ? "decimal" : undefined, autocomplete: "off", spellcheck: "false",
    oninput: (e) => changed(e.target.value) });
}
