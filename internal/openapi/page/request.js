// A request is put together from what stands in the form, once for sending it and for
// the line of curl.

// build returns {url, method, headers, cookies, body, files, missing}. Values are texts
// by "in:name", credentials by the name of their scheme.
export function build(operation, server, values, credentials, way, body) {
  const request = { method: operation.method, headers: [], cookies: [], query: [], missing: [], body: undefined, type: body?.type };
  let path = operation.path;
  for (const p of operation.parameters) {
    const value = values.get(`${p.in}:${p.name}`) ?? "";
    if (value === "") {
      if (p.required) request.missing.push(p.name);
      continue;
    }
    const many = [].concat(p.schema?.type ?? []).includes("array");
    const list = many ? split(value) : [value];
    switch (p.in) {
      case "path":
        path = path.replace(`{${p.name}}`, () => list.map((v) => p["x-catch-all"] ? v.replace(/^\//, "").split("/").map(encodeURIComponent).join("/") : encodeURIComponent(v)).join(","));
        break;
      case "query":
        if (p.explode ?? true) for (const v of list) request.query.push([p.name, encodeURIComponent(v)]);
        else request.query.push([p.name, list.map(encodeURIComponent).join(",")]);
        break;
      case "header": request.headers.push([p.name, list.join(",")]); break;
      case "cookie": request.cookies.push([p.name, list.join(",")]); break;
    }
  }
  for (const s of way ?? []) {
    const secret = credentials.get(s.name) ?? {};
    authorize(request, s, secret);
  }
  if (body) {
    request.body = body.content;
    if (typeof body.content === "string" && body.content !== "") request.headers.push(["Content-Type", body.type]);
    if (body.content instanceof File) request.headers.push(["Content-Type", body.type.includes("*") ? body.content.type || "application/octet-stream" : body.type]);
  }
  const query = request.query.map(([k, v]) => `${encodeURIComponent(k)}=${v}`).join("&");
  request.url = server.replace(/\/$/, "") + path + (query ? "?" + query : "");
  return request;
}

// split takes the several values of a field apart: one per line, or by commas.
export function split(text) {
  return text.split(text.includes("\n") ? "\n" : ",").map((t) => t.trim()).filter(Boolean);
}

function authorize(request, s, secret) {
  if (s.type === "http" && s.scheme?.toLowerCase() === "basic") {
    if (secret.user || secret.value) request.headers.push(["Authorization", "Basic " + base64(`${secret.user ?? ""}:${secret.value ?? ""}`)]);
  } else if (!secret.value) {
    return;
  } else if (s.type === "apiKey" && s.in === "query") request.query.push([s.parameter, encodeURIComponent(secret.value)]);
  else if (s.type === "apiKey" && s.in === "cookie") request.cookies.push([s.parameter, secret.value]);
  else if (s.type === "apiKey") request.headers.push([s.parameter, secret.value]);
  else {
    request.headers.push(["Authorization", "Bearer " + secret.value]);
    request.bearer = secret.value;
  }
}

function base64(text) {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

export const base64url = (text) => base64(text).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");

// curl writes a request as a command for a shell.
export function curl(request) {
  const quote = (text) => "'" + String(text).replaceAll("'", "'\\''") + "'";
  const lines = ["curl" + (request.method === "GET" ? "" : " -X " + request.method) + " " + quote(request.url)];
  if (request.streams) lines[0] = lines[0].replace("curl", "curl -N");
  for (const [name, value] of request.headers) lines.push("-H " + quote(`${name}: ${value}`));
  if (request.cookies.length) lines.push("-b " + quote(request.cookies.map(([n, v]) => `${n}=${v}`).join("; ")));
  if (request.body instanceof FormData) {
    for (const [name, value] of request.body) {
      lines.push(value instanceof File ? "-F " + quote(`${name}=@${value.name}`) : "--form-string " + quote(`${name}=${value}`));
    }
  } else if (request.body instanceof File) {
    lines.push("--data-binary " + quote("@" + request.body.name));
  } else if (request.body) lines.push("--data-raw " + quote(request.body));
  return lines.join(" \\\n  ");
}
