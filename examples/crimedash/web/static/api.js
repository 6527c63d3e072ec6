// Calls to the server. Whatever is not a success is thrown as a Problem.

export class Problem extends Error {
  /** status is 0 when the server was not reached at all. */
  constructor(status, body) {
    super(body?.detail ?? body?.title ?? `HTTP ${status}`);
    this.status = status;
    this.fields = body?.errors ?? [];
  }
}

async function call(path, options = {}) {
  let response;
  try {
    response = await fetch(path, { ...options, headers: { Accept: "application/json", ...options.headers } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, { detail: error.message });
  }
  const body = await response.json().catch(() => null);
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

export function reportCrime(report) {
  return call("/api/crimes", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(report),
  });
}
