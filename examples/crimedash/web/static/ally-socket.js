// The allies' connection: a WebSocket that comes back by itself and goes on where it
// was. The server sends envelopes, {topic, event, id, data}; the id is the position.

const firstWait = 400;
const longestWait = 8_000;
const tooFast = 1008; // the server's word for a page that sends more than it may
const calmDown = 4_000;

export class AllySocket extends EventTarget {
  #position = "";
  #name = "";
  #room = "";
  #socket = null;
  #timer = 0;
  #tries = 0;
  state = "connecting"; // "live", "offline", or "refused"

  constructor() {
    super();
    addEventListener("online", () => this.#socket ?? this.#connect());
    addEventListener("offline", () => this.drop());
    addEventListener("pageshow", (event) => event.persisted && this.drop());
  }

  /** Connects under this name, in this room; anew if it is connected already. */
  open(name, room) {
    this.#name = name;
    this.#room = room;
    this.#tries = 0;
    this.#connect();
  }

  /** Is seen in that room from now on. */
  enter(room) {
    this.#room = room;
    this.send({ do: "enter", room });
  }

  /** Sends a value. Returns whether there was a connection to give it to. */
  send(value) {
    if (this.state !== "live") return false;
    this.#socket.send(JSON.stringify(value));
    return true;
  }

  /** Gives up a connection that does not answer, and makes another. */
  drop() {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    this.#again(0);
  }

  #connect() {
    clearTimeout(this.#timer);
    const before = this.#socket;
    this.#socket = null; // what it still has to say comes again on the new one
    before?.close();
    const url = new URL("/allies", location.href);
    url.searchParams.set("room", this.#room);
    if (this.#name) url.searchParams.set("name", this.#name);
    if (this.#position) url.searchParams.set("last_event_id", this.#position);
    const asked = url.href;
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = (this.#socket = new WebSocket(url));
    let opened = false;
    socket.onopen = () => {
      if (socket !== this.#socket) return;
      opened = true;
      this.#become("live");
    };
    socket.onmessage = ({ data }) => {
      if (socket !== this.#socket) return;
      this.#tries = 0;
      const envelope = JSON.parse(data);
      if (envelope.id) this.#position = envelope.id;
      this.dispatchEvent(new CustomEvent("message", { detail: envelope }));
    };
    socket.onclose = async ({ code }) => {
      if (socket !== this.#socket) return;
      this.#socket = null;
      if (opened) return this.#again(code === tooFast ? calmDown : 0);
      const refusal = await why(asked);
      if (this.#socket !== null) return; // somebody went on meanwhile
      if (refusal) this.#become("refused", refusal);
      else this.#again(0);
    };
    this.#become("connecting");
  }

  #again(least) {
    clearTimeout(this.#timer);
    const wait = Math.min(firstWait * 2 ** this.#tries++, longestWait);
    this.#timer = setTimeout(() => this.#connect(), Math.max(least, wait * (0.5 + Math.random() / 2)));
    this.#become("offline");
  }

  // A connection that was lost is offline until it is back, not now and then connecting.
  #become(state, reason = "") {
    if (state === this.state || (state === "connecting" && this.state === "offline")) return;
    this.state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: { state, reason } }));
  }
}

// A browser does not tell a page why a handshake was refused; the same address, asked
// plainly, does. It answers 426 if all is well. Returns the reason if it is for good.
async function why(url) {
  try {
    const reply = await fetch(url, { headers: { Accept: "application/problem+json" } });
    if (reply.status === 426 || reply.status === 429 || reply.status >= 500) return "";
    return (await reply.json()).detail ?? reply.statusText;
  } catch {
    return ""; // no network
  }
}
