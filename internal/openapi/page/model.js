// What the page knows of the document.

const methods = ["get", "put", "post", "delete", "patch", "trace", "head", "options"];

export class Model {
  constructor(document, address) {
    this.document = document;
    this.address = address; // of the document, for relative servers
    this.operations = [];
    const taken = new Set();
    for (const [path, item] of Object.entries(document.paths ?? {})) {
      const shared = this.resolve(item);
      const more = { ...shared.additionalOperations, ...shared["x-additionalOperations"] };
      // Routes that are the same to OpenAPI, such as those of another host, stand aside.
      const aside = (shared["x-other-operations"] ?? []).filter((x) => x.operation).map((x) => [x.method, x.operation, x.host]);
      const all = [...methods.filter((m) => shared[m]).map((m) => [m.toUpperCase(), shared[m]]), ...Object.entries(more), ...aside];
      for (const [method, operation, host] of all) {
        const own = (operation.parameters ?? []).map((p) => this.resolve(p));
        const inherited = (shared.parameters ?? []).map((p) => this.resolve(p))
          .filter((p) => !own.some((o) => o.name === p.name && o.in === p.in));
        let id = operation.operationId ?? `${method} ${path}`;
        while (taken.has(id)) id += "'";
        taken.add(id);
        this.operations.push({
          id, method, path, ...operation, parameters: [...inherited, ...own],
          tag: operation.tags?.[0] ?? "/" + (path.split("/")[1] ?? ""),
          socket: operation["x-websocket"], servers: operation.servers ?? shared.servers, host,
        });
      }
    }
  }

  // groups are the operations by tag, in the order of the document's tags.
  groups() {
    const groups = new Map((this.document.tags ?? []).map((t) => [t.name, { name: t.name, description: t.description, operations: [] }]));
    for (const o of this.operations) {
      if (!groups.has(o.tag)) groups.set(o.tag, { name: o.tag, operations: [] });
      groups.get(o.tag).operations.push(o);
    }
    return [...groups.values()].filter((g) => g.operations.length);
  }

  // resolve follows references within the document; what stands beside one counts.
  resolve(value, depth = 0) {
    const ref = value?.$ref;
    if (typeof ref !== "string" || depth > 20) return value ?? {};
    let at = this.document;
    for (const key of ref.replace(/^#\//, "").split("/")) {
      at = Object.hasOwn(at ?? {}, unescape(key)) ? at[unescape(key)] : undefined;
    }
    const { $ref, ...beside } = value;
    return { ...this.resolve(at, depth + 1), ...beside };
  }

  // refName is the name of the component that a schema refers to.
  refName(schema) {
    return typeof schema?.$ref === "string" ? unescape(schema.$ref.split("/").pop()) : "";
  }

  // servers are the addresses where an operation is.
  serversOf(operation, base) {
    const list = operation.servers ?? this.document.servers;
    if (!list?.length) return [base];
    return list.map((s) => {
      let url = s.url;
      for (const [name, v] of Object.entries(s.variables ?? {})) url = url.replaceAll(`{${name}}`, v.default);
      try {
        return new URL(url, this.address).href;
      } catch {
        return base;
      }
    });
  }

  // request describes the body: its media types with their schemas.
  bodyOf(operation) {
    const body = this.resolve(operation.requestBody);
    return Object.entries(body.content ?? {}).map(([type, media]) => ({ type, media, required: !!body.required }));
  }

  // itemOf is the schema of a stream's events, if the operation replies with any.
  itemOf(operation) {
    for (const r of Object.values(operation.responses ?? {})) {
      const media = this.resolve(r).content?.["text/event-stream"];
      if (media) return media.itemSchema ?? media["x-itemSchema"] ?? media.schema ?? {};
    }
    return null;
  }

  // securityOf are the ways to satisfy the operation, each a list of schemes.
  securityOf(operation) {
    const ways = operation.security ?? this.document.security ?? [];
    const schemes = this.document.components?.securitySchemes ?? {};
    return ways.map((way) => Object.entries(way).map(([name, scopes]) => {
      const scheme = this.resolve(schemes[name]);
      return { ...scheme, name, scopes, parameter: scheme.name }; // the name of an API key is that of its header
    }));
  }

  // example makes a value that a schema allows, for a body to begin with.
  example(schema, depth = 0, seen = []) {
    const name = this.refName(schema);
    if (depth > 8 || seen.includes(name)) return null;
    if (name) seen = [...seen, name];
    const s = this.resolve(schema);
    if (s === true || s === false) return null;
    if (s.examples?.length) return s.examples[0];
    for (const key of ["example", "default", "const"]) if (s[key] !== undefined) return s[key];
    if (s.enum?.length) return s.enum[0];
    const some = s.oneOf ?? s.anyOf;
    if (some && !s.properties) return this.example(some.find((x) => x.type !== "null") ?? some[0], depth + 1, seen);
    switch ([].concat(s.type ?? (s.properties ? "object" : s.items ? "array" : "any"))[0]) {
      case "object": {
        const value = {};
        for (const part of [...(s.allOf ?? []), s]) {
          for (const [key, inner] of Object.entries(this.resolve(part).properties ?? {})) {
            if (this.resolve(inner).deprecated || this.resolve(inner).readOnly) continue;
            if (seen.includes(this.refName(inner)) || seen.includes(this.refName(this.resolve(inner).items))) continue;
            value[key] = this.example(inner, depth + 1, seen);
          }
        }
        return value;
      }
      case "array": return seen.includes(this.refName(s.items)) || !s.items ? [] : [this.example(s.items, depth + 1, seen)];
      case "integer": case "number": {
        if (s.minimum !== undefined) return Math.max(s.minimum, s.maximum >= 0 || s.maximum === undefined ? 0 : s.minimum);
        return s.exclusiveMinimum !== undefined ? s.exclusiveMinimum + 1 : 0;
      }
      case "boolean": return false;
      case "null": return null;
      case "string": return texts[s.format] ?? "text".padEnd(s.minLength ?? 0, ".").slice(0, s.maxLength ?? 100);
    }
    if (s.allOf) return Object.assign({}, ...s.allOf.map((x) => this.example(x, depth + 1, seen)));
    return null;
  }

  // label says in a few words what a schema is.
  label(schema) {
    const name = this.refName(schema);
    const s = this.resolve(schema);
    if (s === true || s === undefined) return "any";
    const types = [].concat(s.type ?? []);
    const nullable = types.includes("null") || (s.anyOf ?? []).some((x) => x.type === "null");
    const other = types.filter((t) => t !== "null");
    let text = name || s.format || other.join(" or ") || (s.properties ? "object" : "any");
    if (other[0] === "array" && !name) text = `list of ${this.label(s.items ?? {})}`;
    else if (other[0] === "object" && !name && s.additionalProperties) text = `map of ${this.label(s.additionalProperties)}`;
    else if (s.contentMediaType && !name) text = s.contentMediaType === "application/octet-stream" ? "file" : s.contentMediaType;
    else if (s.contentEncoding && !name) text = s.contentEncoding;
    else if (!name && s.anyOf && !other.length) text = s.anyOf.filter((x) => x.type !== "null").map((x) => this.label(x)).join(" or ");
    else if (!name && ["int64", "int32", "float", "double"].includes(s.format)) text = other[0];
    return nullable ? text + " or null" : text;
  }
}

const texts = {
  "date-time": "2026-01-02T15:04:05Z", date: "2026-01-02", time: "15:04:05Z", email: "someone@example.com", uuid: "8f14e45f-ceea-467f-a8d1-8d0e0a6b0a53",
  uri: "https://example.com", ipv4: "192.0.2.1", ipv6: "2001:db8::1", hostname: "example.com",
};

function unescape(key) {
  try {
    key = decodeURIComponent(key);
  } catch {}
  return key.replaceAll("~1", "/").replaceAll("~0", "~");
}

export function limits(s) {
  const list = [];
  const say = (key, text) => { if (s[key] !== undefined) list.push(text(s[key])); };
  say("minimum", (v) => `≥ ${v}`);
  say("exclusiveMinimum", (v) => `> ${v}`);
  say("maximum", (v) => `≤ ${v}`);
  say("exclusiveMaximum", (v) => `< ${v}`);
  if (s.minLength !== undefined && s.minLength === s.maxLength) list.push(`${s.minLength} characters`);
  else {
    say("minLength", (v) => `at least ${v} characters`);
    say("maxLength", (v) => `at most ${v} characters`);
  }
  say("minItems", (v) => `at least ${v}`);
  say("maxItems", (v) => `at most ${v}`);
  say("uniqueItems", () => "no two alike");
  say("const", (v) => `always ${JSON.stringify(v)}`);
  say("pattern", (v) => `matches ${v}`);
  say("default", (v) => `default ${typeof v === "string" ? v : JSON.stringify(v)}`);
  return list;
}
