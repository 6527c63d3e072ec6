import { h, code, copyButton, pretty, $ } from "./dom.js";
import { build, curl, split } from "./request.js";
import { fields, inputFor } from "./fields.js";
import { openStream } from "./stream.js";
import { socketConsole } from "./socket.js";

// credentials are kept for this tab, so that they need not be typed for each operation.
const credentials = {
  get(name) {
    try {
      return JSON.parse(sessionStorage.getItem("docs:" + name)) ?? {};
    } catch {
      return {};
    }
  },
  set(name, value) {
    try {
      sessionStorage.setItem("docs:" + name, JSON.stringify(value));
    } catch {} // a browser that keeps nothing: they are lost with the page
  },
};

let running; // what the last page has open

export function stopAll() {
  running?.abort();
  running = undefined;
}

export function tryIt(model, operation, base) {
  const o = operation;
  const servers = model.serversOf(o, base);
  const ways = model.securityOf(o);
  const bodies = model.bodyOf(o);
  const streams = !!model.itemOf(o);
  const state = { server: servers[0], way: 0, body: bodies[0] };
  const values = new Map();
  const out = h("div", { class: "outcome", "aria-live": "polite" });
  const command = h("pre", { tabindex: "0", "aria-label": "As a command for a shell" });
  const form = h("form", { novalidate: true });

  const parameters = o.parameters.length > 0 && fields(o.parameters.map((p) => {
    const key = `${p.in}:${p.name}`;
    const schema = model.resolve(p.schema);
    let first = p.example ?? schema.examples?.[0] ?? (p.required ? firstOf(model, p, schema) : "");
    if (Array.isArray(first)) first = first.join(", ");
    if (p.in !== "path" && !p.required) first = "";
    values.set(key, String(first ?? ""));
    return { name: p.name, note: p.in, required: p.required, input: inputFor(model, p.schema ?? {}, values.get(key), (v) => { values.set(key, v); refresh(); }) };
  }));

  const bodyBox = h("div");
  let content = () => undefined;
  const chooseBody = (body) => {
    state.body = body;
    const [view, read] = bodyEditor(model, body, () => refresh());
    content = read;
    bodyBox.replaceChildren(view);
    refresh();
  };

  const authBox = h("div");
  const drawAuth = () => authBox.replaceChildren(...(ways[state.way] ?? []).map((s) => authFields(s, () => refresh())));

  function request() {
    const body = state.body && { type: state.body.type, content: content() };
    const r = build(o, state.server, values, credentials, ways[state.way], body);
    r.streams = streams;
    return r;
  }

  function refresh() {
    command.textContent = curl(request());
  }

  const send = h("button", { type: "submit", class: "send" }, o.socket ? "Connect" : streams ? "Open the stream" : "Send");
  form.append(
    h("h2", {}, "Try it"),
    servers.length > 1 ? fields([{ name: "Server", input: h("select", { onchange: (e) => { state.server = e.target.value; refresh(); } }, servers.map((s) => h("option", { value: s }, s))) }]) : "",
    ways.length > 1 ? fields([{ name: "Log in by", input: h("select", { onchange: (e) => { state.way = +e.target.value; drawAuth(); refresh(); } },
      ways.map((w, i) => h("option", { value: String(i) }, w.map((s) => s.name).join(" and ") || "nothing"))) }]) : "",
    authBox,
    parameters || "",
    bodies.length > 1 ? fields([{ name: "Body as", input: h("select", { onchange: (e) => chooseBody(bodies[+e.target.value]) }, bodies.map((b, i) => h("option", { value: String(i) }, b.type))) }]) : "",
    bodyBox,
    h("div", { class: "actions" }, send, h("span", { class: "hint" }, "Ctrl + Enter")),
  );
  form.addEventListener("keydown", (e) => {
    if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) {
      e.preventDefault();
      form.requestSubmit();
    }
  });
  form.addEventListener("submit", (e) => {
    e.preventDefault();
    stopAll();
    const r = request();
    if (r.missing.length) {
      out.replaceChildren(h("p", { class: "problem" }, `Missing: ${r.missing.join(", ")}`));
      form.querySelector(`[data-name="${CSS.escape(r.missing[0])}"]`)?.focus();
      return;
    }
    running = new AbortController();
    if (o.socket) socketConsole(model, o, r, out, running);
    else perform(r, out, running);
  });
  drawAuth();
  if (bodies.length) chooseBody(bodies[0]);
  else refresh();
  return [form, out, !o.socket && h("details", { class: "curl", open: true }, h("summary", {}, "curl"), h("div", { class: "code" }, copyButton(() => command.textContent), command))];
}

function firstOf(model, p, schema) {
  const v = model.example(p.schema ?? {});
  return Array.isArray(v) ? v.filter((x) => x !== null).join(",") : schema.type === "object" ? "" : v;
}

function authFields(s, changed) {
  const secret = credentials.get(s.name);
  const keep = (part) => (e) => {
    secret[part] = e.target.value;
    credentials.set(s.name, secret);
    changed();
  };
  const input = (part, kind) => h("input", { type: kind, value: secret[part] ?? "", autocomplete: "off", spellcheck: "false", oninput: keep(part), "data-auth": s.name });
  if (s.type === "http" && s.scheme?.toLowerCase() === "basic") {
    return fields([{ name: "User", note: s.name, input: input("user", "text") }, { name: "Password", note: s.name, input: input("value", "password") }]);
  }
  return fields([{ name: s.type === "http" ? "Token" : "Key", note: s.name, input: input("value", "password") }]);
}

// bodyEditor returns an editor, and how to read the body from it.
function bodyEditor(model, body, changed) {
  const { type, media } = body;
  const schema = model.resolve(media.schema ?? {});
  const example = media.example ?? Object.values(media.examples ?? {}).map((e) => model.resolve(e).value)[0] ?? model.example(media.schema ?? {});
  if (type === "multipart/form-data" || type === "application/x-www-form-urlencoded") {
    const values = new Map();
    const view = fields(Object.entries(schema.properties ?? {}).map(([name, p]) => {
      const required = schema.required?.includes(name);
      const given = media.example?.[name] ?? (required ? example?.[name] : undefined);
      const file = isFile(model, p);
      if (!file && given !== undefined && given !== null) values.set(name, Array.isArray(given) ? given.join(", ") : String(given));
      return { name, required, input: inputFor(model, p, values.get(name) ?? "", (v) => { values.set(name, v); changed(); }, { file }) };
    }));
    return [view, () => formBody(model, schema, type, media, values)];
  }
  if (!/^text\/|json|xml|yaml|urlencoded/.test(type)) {
    let file = "";
    const input = h("input", { type: "file", accept: type, onchange: (e) => { file = e.target.files[0] ?? ""; changed(); } });
    return [fields([{ name: "Body", note: type, required: body.required, input }]), () => file];
  }
  const area = h("textarea", { class: "editor", spellcheck: "false", autocomplete: "off", "aria-label": "Body", rows: "4", oninput: () => { check(); changed(); } });
  const json = /json/.test(type);
  area.value = json ? JSON.stringify(example, null, 2) ?? "" : typeof example === "string" ? example : "";
  const fault = h("p", { class: "problem", role: "status" });
  const check = () => {
    fault.textContent = "";
    area.rows = Math.min(24, Math.max(4, area.value.split("\n").length));
    if (!json || !area.value.trim()) return;
    try {
      JSON.parse(area.value);
    } catch (e) {
      fault.textContent = e.message;
    }
  };
  check();
  return [h("div", { class: "field" }, h("div", { class: "label" }, "Body ", h("span", { class: "note" }, type)), area, fault), () => area.value];
}

function isFile(model, schema) {
  const s = model.resolve(schema);
  const of = s.items ? model.resolve(s.items) : s;
  return of.contentMediaType === "application/octet-stream" || of.format === "binary";
}

function formBody(model, schema, type, media, values) {
  const body = type === "multipart/form-data" ? new FormData() : new URLSearchParams();
  for (const [name, p] of Object.entries(schema.properties ?? {})) {
    const value = values.get(name);
    if (value === undefined || value === "") continue;
    if (value instanceof FileList || Array.isArray(value)) {
      for (const file of value) body.append(name, file);
    } else if (model.resolve(p).type === "array" && media.encoding?.[name]?.explode !== false) {
      for (const v of split(value)) body.append(name, v);
    } else body.append(name, value);
  }
  return type === "multipart/form-data" ? body : body.toString();
}

// perform sends a request and shows what comes back.
async function perform(request, out, control) {
  const begin = performance.now();
  const stop = h("button", { type: "button", class: "stop", onclick: () => control.abort() }, "Stop");
  out.replaceChildren(h("div", { class: "result" }, h("span", { class: "waiting" }, "Waiting …"), stop));
  for (const [name, value] of request.cookies) document.cookie = `${name}=${encodeURIComponent(value)}; path=/; SameSite=Strict`;
  const bodiless = request.method === "GET" || request.method === "HEAD";
  try {
    const reply = await fetch(request.url, {
      method: request.method, headers: request.headers, body: bodiless || request.body === "" ? undefined : request.body,
      signal: control.signal, credentials: "same-origin", cache: "no-store", redirect: "follow",
    });
    const took = performance.now() - begin;
    const head = h("div", { class: "result" },
      h("span", { class: `status ${reply.ok ? "good" : "bad"}`, "data-status": String(reply.status) }, String(reply.status)),
      h("span", {}, reply.statusText), h("span", { class: "grow" }), h("span", { class: "note" }, duration(took)));
    const headers = h("details", { class: "headers" }, h("summary", {}, `Headers (${[...reply.headers].length})`),
      h("dl", {}, [...reply.headers].map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])));
    if ((reply.headers.get("Content-Type") ?? "").startsWith("text/event-stream")) {
      head.append(stop);
      out.replaceChildren(head, headers);
      await openStream(reply, out, control, stop);
      return;
    }
    head.append(stop); // the body may be long in coming, or never end
    out.replaceChildren(head, headers);
    out.append(...await bodyView(reply, head));
    stop.remove();
  } catch (e) {
    if (e.name === "AbortError") out.replaceChildren(h("p", { class: "note" }, "Stopped."));
    else out.replaceChildren(h("p", { class: "problem" }, `There is no reply: ${e.message}. Is the server there, and does it allow requests from this page?`));
  }
}

async function bodyView(reply, head) {
  const type = reply.headers.get("Content-Type") ?? "";
  const data = await reply.blob();
  $(".note", head).textContent += ` · ${size(data.size)}`;
  if (!data.size) return [h("p", { class: "note" }, "No body.")];
  if (/^image\//.test(type)) {
    return [h("img", { src: URL.createObjectURL(data), alt: "The image that was sent", class: "picture" })];
  }
  if (/^text\/|json|xml|yaml|javascript|urlencoded/.test(type) && data.size < 2_000_000) {
    const text = await data.text();
    const formatted = /json/.test(type) ? pretty(text) : null;
    return [code(formatted ?? text, "The body", { json: formatted !== null })];
  }
  return [h("p", {}, h("a", { href: URL.createObjectURL(data), download: "" }, `Save the body (${type || "unknown"}, ${size(data.size)})`))];
}

const duration = (ms) => ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
const size = (n) => n < 1000 ? `${n} bytes` : n < 1e6 ? `${(n / 1000).toFixed(1)} kB` : `${(n / 1e6).toFixed(1)} MB`;

