// Calls to the server. Whatever is not a success is thrown as a Problem.

export class Problem extends Error {
  /** status is 0 when the server was not reached at all. */
  constructor(status, body) {
    super(body?.detail ?? body?.title ?? `HTTP ${status}`);
    this.status = status;
    this.fields = (body?.errors ?? []).map(fieldError);
    if (status === 413) this.fields = [{ field: "photo", code: "too_large" }]; // nothing else can be that large
  }
}

const chosen = new Set(["kind", "severity", "district", "status"]); // from lists

/** What the server says of a field, by the name of the text that the page has for it. */
function fieldError({ name, pointer, rule = "" }) {
  const field = name ?? pointer?.replace(/^#\//, "");
  const [code, limit] = rule.split("=");
  if (["required", "too_large", "no_photo", "broken"].includes(code)) return { field, code };
  if (code === "pixels") return { field, code, max: Number(limit) };
  if (chosen.has(field)) return { field, code: "unknown" };
  if (code === "max") return { field, code: "too_long", max: Number(limit) };
  return { field, code: "invalid" };
}

async function call(path, options = {}) {
  let response;
  try {
    response = await fetch(path, { ...options, headers: { Accept: "application/json", ...options.headers } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, { detail: error.message });
  }
  const body = response.status === 204 ? {} : await response.json().catch(() => null);
  if (!response.ok || body === null) throw new Problem(response.status, body);
  return body;
}

/** The newest crimes that match: { crimes, cursor }. The cursor is where to listen from. */
export function listCrimes(filter = {}, options) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(filter)) if (value) query.set(name, value);
  const text = query.toString();
  return call(text ? `/api/crimes?${text}` : "/api/crimes", options);
}

export function readStats() {
  return call("/api/stats");
}

/** A report as the form has it, its photo included. */
export function reportCrime(form) {
  return call("/report", { method: "POST", body: form });
}

/** Who looks at this page: { name, full, role, scopes }; the name is empty for nobody. */
export function whoAmI() {
  return call("/api/session");
}

export function setStatus(id, status) {
  return call(`/api/crimes/${id}`, {
    method: "PATCH",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ status }),
  });
}

/** Begins an examination: { job, live }. The last is the address of its events. */
export function examine(id) {
  return call(`/api/crimes/${id}/examinations`, { method: "POST" });
}

export function removeCrime(id) {
  return call(`/api/crimes/${id}`, { method: "DELETE" });
}
