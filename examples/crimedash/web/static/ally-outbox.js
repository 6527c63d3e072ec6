// Lines on their way. Each has a key that stays the same however often it is sent, by
// which the server drops doubles, and leaves only when it has come back from the room:
// so none is lost or doubled when the network fails, or the page is loaded again.

const store = "allies.outbox"; // of this tab
const pace = 250; // between two lines: less than the server allows
const patience = 8_000; // for a line to come back

export class AllyOutbox {
  #lines = load(); // {key, room, text}, oldest first
  #sent = new Map(); // when, by key, on this connection
  #open = false;
  #timer = 0;

  constructor(socket) {
    this.socket = socket;
    setInterval(() => performance.now() - Math.min(...this.#sent.values()) > patience && socket.drop(), 1_000);
  }

  waiting(room) {
    return this.#lines.filter((line) => line.room === room);
  }

  add(room, text) {
    this.#lines.push({ key: newKey(), room, text });
    this.#save();
    this.#pump();
  }

  /** The connection is there, under a name, or it is not. */
  open(open) {
    this.#open = open;
    this.#sent.clear();
    this.#pump();
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
    if (this.#timer || !this.#open) return;
    const line = this.#lines.find(({ key }) => !this.#sent.has(key));
    if (!line || !this.socket.send({ do: "say", ...line })) return;
    this.#sent.set(line.key, performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      this.#pump();
    }, pace);
  }

  #save() {
    try {
      sessionStorage.setItem(store, JSON.stringify(this.#lines));
    } catch {
      // Forbidden storage only costs what waits when the page is loaded again.
    }
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

// Browsers have randomUUID only over TLS and on this machine.
function newKey() {
  return crypto.randomUUID?.() ?? [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join("");
}
