import { h, code } from "./dom.js";
import { markdown, inline } from "./markdown.js";
import { row, schemaView } from "./schema.js";
import { tryIt } from "./tryit.js";

// operationView shows all of one operation: what it takes and returns at the left, a
// form to try it at the right.
export function operationView(model, operation, base) {
  const o = operation;
  const body = model.bodyOf(o);
  return h("article", { class: "operation" },
    h("header", {},
      h("h1", {}, o.summary || o.path),
      h("div", { class: "address" }, h("span", { class: `method ${o.socket ? "ws" : o.method.toLowerCase()}` }, o.socket ? "WS" : o.method),
        h("code", { class: "path" }, pathParts(o.path)),
        o.deprecated && h("span", { class: "tag old" }, "deprecated"),
        o.host && h("span", { class: "tag" }, "on ", o.host),
        model.itemOf(o) && h("span", { class: "tag live" }, "event stream")),
      o.description && markdown(o.description),
    ),
    h("div", { class: "columns" },
      h("div", { class: "docs" },
        security(model, o),
        o.parameters.length > 0 && section("Parameters", h("ul", { class: "properties" }, o.parameters.map((p) =>
          row(model, p.name, p.schema ?? {}, { ...p, place: p["x-catch-all"] ? "rest of the path" : p.in })))),
        body.length > 0 && section("Body", bodies(model, body)),
        o.socket && section("Messages", sockets(model, o.socket)),
        section("Replies", replies(model, o)),
        others(model, o),
      ),
      h("div", { class: "try" }, tryIt(model, o, base)),
    ),
  );
}

function section(title, ...content) {
  return h("section", {}, h("h2", {}, title), content);
}

export function pathParts(path) {
  return path.split(/(\{[^}]*\})/).map((part) => part.startsWith("{") ? h("span", { class: "param" }, part) : part.replaceAll("/", "/\u200b"));
}

function security(model, o) {
  const ways = model.securityOf(o);
  if (!ways.length) return null;
  const text = ways.map((way) => way.length === 0 ? "nobody in particular" : way.map((s) => s.name + (s.scopes?.length ? ` (${s.scopes.join(", ")})` : "")).join(" and "));
  return section("Who may", h("p", { class: "who" }, text.map((t, i) => [i ? " or " : "", h("code", {}, t)])));
}

function bodies(model, body) {
  const same = body.every((b) => JSON.stringify(b.media.schema) === JSON.stringify(body[0].media.schema));
  return (same ? [body[0]] : body).map((b) => h("div", {},
    h("p", { class: "media" }, (same ? body : [b]).map((x, i) => [i ? " or " : "", h("code", {}, x.type)]), b.required && h("span", { class: "tag required" }, "required")),
    schemaView(model, b.media.schema ?? {}),
  ));
}

function sockets(model, socket) {
  return [["The server takes", socket.receives], ["The server sends", socket.sends]].map(([title, schema]) =>
    schema && h("div", {}, h("p", { class: "media" }, title), schemaView(model, schema)));
}

function replies(model, o) {
  return Object.entries(o.responses ?? {}).map(([status, reference]) => {
    const reply = model.resolve(reference);
    const content = Object.entries(reply.content ?? {});
    const kind = status[0] === "2" || status[0] === "1" ? "good" : status === "default" || status[0] === "3" ? "plain" : "bad";
    const head = [h("span", { class: `status ${kind}` }, status === "default" ? "else" : status), h("span", {}, inline(reply.description ?? ""))];
    if (!content.length && !reply.headers) return h("div", { class: "reply" }, h("div", { class: "row" }, head));
    const details = h("details", { class: "reply", open: kind === "good" }, h("summary", { class: "row" }, head));
    const fill = () => {
      if (details.children.length > 1) return;
      details.append(h("div", { class: "inside" },
        Object.entries(reply.headers ?? {}).map(([name, header]) => h("p", { class: "media" }, "Header ", h("code", {}, name),
          model.resolve(header).description && [" ", inline(model.resolve(header).description)])),
        content.map(([type, media]) => h("div", {}, h("p", { class: "media" }, h("code", {}, type)),
          type === "text/event-stream" ? eventsView(model, media) : schemaView(model, media.schema ?? {}),
          media.example !== undefined && example(type, media.example)))));
    };
    if (kind === "good") fill();
    details.addEventListener("toggle", fill);
    return details;
  });
}

// example shows a text as it is, and all else as JSON.
function example(type, value) {
  const plain = typeof value === "string" && !/json/.test(type);
  return code(plain ? value : JSON.stringify(value, null, 2), "An example", { json: !plain });
}

function eventsView(model, media) {
  const item = model.resolve(media.itemSchema ?? media["x-itemSchema"] ?? {});
  const data = item.properties?.data;
  const kinds = item.anyOf ?? item.oneOf;
  if (kinds) {
    return h("ul", { class: "properties" }, kinds.map((k) => {
      const kind = model.resolve(k);
      const name = kind.properties?.event?.const ?? "any other event";
      return row(model, name, kind.properties?.data ?? { type: "string" });
    }));
  }
  return h("ul", { class: "properties" }, data && row(model, "data", data));
}

function others(model, o) {
  const list = model.document.paths?.[o.path]?.["x-other-operations"];
  if (!list?.length) return null;
  return section("Also at this path", h("ul", {}, list.map((x) => h("li", {}, x.method, " ", x.host && ["on the host ", h("code", {}, x.host)],
    x.catchAll && "with the rest of the path", " — ", x.operation?.summary ?? x.operation?.operationId ?? ""))));
}
