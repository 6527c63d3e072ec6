// What was typed and is not known to be said yet. Each line has a key that stays the
// same however often it is sent, by which the server drops doubles; and it leaves the
// outbox only when it has come back from the room. So a line is neither lost nor doubled
// when the connection breaks in the middle of it, or the page is loaded again.

const store = "chat.outbox"; // of this tab
const pace = 250; // between two lines: well below what the server allows
const patience = 8_000; // for a line to come back

export class Outbox extends EventTarget {
  #lines = load(); // {key, room, text}, oldest first
  #sent = new Map(); // when, by key, on this connection
  #room = "";
  #timer = 0;

  constructor(send, onStuck) {
    super();
    this.send = send;
    setInterval(() => {
      const oldest = Math.min(...this.#sent.values());
      if (performance.now() - oldest > patience) onStuck();
    }, 1_000);
  }

  /** The lines that wait for that room. */
  waiting(room) {
    return this.#lines.filter((line) => line.room === room);
  }

  /** Takes a line, and sends it if it can. */
  add(room, text) {
    const line = { key: crypto.randomUUID?.() ?? fallbackKey(), room, text };
    this.#lines.push(line);
    this.#save();
    this.#pump();
    return line;
  }

  /** The connection to a room is there: what waits for it is sent, also what was sent before. */
  opened(room) {
    this.#room = room;
    this.#sent.clear();
    this.#pump();
  }

  /** The connection has ended. */
  closed() {
    this.#room = "";
    this.#sent.clear();
    clearTimeout(this.#timer);
    this.#timer = 0;
  }

  /** A line has come back, or was refused. Returns it if it was one of ours. */
  settle(key) {
    const at = this.#lines.findIndex((line) => line.key === key);
    if (at < 0) return null;
    this.#sent.delete(key);
    const [line] = this.#lines.splice(at, 1);
    this.#save();
    return line;
  }

  #pump() {
    if (this.#timer || this.#room === "") return;
    const line = this.#lines.find(({ key, room }) => room === this.#room && !this.#sent.has(key));
    if (!line || !this.send({ do: "say", key: line.key, text: line.text })) return;
    this.#sent.set(line.key, performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      this.#pump();
    }, pace);
  }

  #save() {
    try {
      sessionStorage.setItem(store, JSON.stringify(this.#lines));
    } catch {} // full, or forbidden: then a reload loses what waits
  }
}

function load() {
  try {
    const lines = JSON.parse(sessionStorage.getItem(store) ?? "[]");
    return Array.isArray(lines) ? lines : [];
  } catch {
    return [];
  }
}

// Without TLS, and not on this machine, browsers have no randomUUID.
function fallbackKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join("");
}
