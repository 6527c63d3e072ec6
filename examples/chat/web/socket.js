// A connection to one room that comes back by itself. The server sends envelopes,
// {topic, event, id, data}; the id is where to go on. It is kept for each room as long
// as the page is, like the lines that it stands for: a page that is loaded anew begins
// with the history.

const firstWait = 400;
const longestWait = 8_000;
const tooFast = 1008; // the server's word for a page that sends faster than it may
const calmDown = 4_000;

export class Socket extends EventTarget {
  #positions = new Map(); // of each room
  #room = "";
  #name = "";
  #socket = null;
  #timer = 0;
  #tries = 0;
  state = "idle"; // "connecting", "live", "reconnecting" or "refused"

  constructor() {
    super();
    addEventListener("online", () => this.retry());
    // A line that went with the network says nothing for minutes.
    addEventListener("offline", () => this.#socket?.close());
  }

  /** Goes to a room, and leaves the one before. */
  enter(room, name) {
    this.leave();
    this.#room = room;
    this.#name = name;
    this.#tries = 0;
    this.#connect("connecting");
  }

  leave() {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null; // what it still has to say is of no interest
    socket?.close();
    this.#become("idle");
  }

  /** Tries again at once, if the connection is waiting to. */
  retry() {
    if (this.state === "reconnecting" && this.#socket === null) this.#connect("reconnecting");
  }

  /** Gives up a connection that does not answer any more. */
  drop() {
    const socket = this.#socket;
    if (socket === null) return;
    this.#socket = null;
    socket.close();
    this.#again(0);
  }

  /** Sends a value. Returns whether there was a connection to give it to. */
  send(value) {
    if (this.state !== "live") return false;
    this.#socket.send(JSON.stringify(value));
    return true;
  }

  #connect(state) {
    clearTimeout(this.#timer);
    const url = new URL(`rooms/${encodeURIComponent(this.#room)}/talk`, location.href);
    url.searchParams.set("name", this.#name);
    const position = this.#positions.get(this.#room);
    if (position) url.searchParams.set("last_event_id", position);
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
      if (envelope.id) this.#positions.set(this.#room, envelope.id);
      this.dispatchEvent(new CustomEvent("message", { detail: envelope }));
    };
    socket.onclose = async ({ code }) => {
      if (socket !== this.#socket) return;
      this.#socket = null;
      if (opened) return this.#again(code === tooFast ? calmDown : 0);
      this.#become(state);
      const refusal = await why(asked);
      if (this.#socket !== null || this.state !== state) return; // somebody went on meanwhile
      if (refusal) this.#become("refused", refusal);
      else this.#again(0);
    };
    this.#become(state);
  }

  #again(least) {
    const wait = Math.min(firstWait * 2 ** this.#tries++, longestWait);
    this.#timer = setTimeout(() => this.#connect("reconnecting"), Math.max(least, wait * (0.5 + Math.random() / 2)));
    this.#become("reconnecting");
  }

  #become(state, reason = "") {
    if (state === this.state) return;
    this.state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: { state, reason } }));
  }
}

// why asks for the reason when a handshake has failed, since a browser hides it from the
// page: the same address, asked plainly, answers 426 if all is well with it, and
// otherwise with what is wrong. Returns the reason if it is for good.
async function why(url) {
  try {
    const reply = await fetch(url, { headers: { Accept: "application/problem+json" } });
    if (reply.status === 426 || reply.status === 429 || reply.status >= 500) return "";
    return (await reply.json()).detail ?? reply.statusText;
  } catch {
    return ""; // no network: that is not for good
  }
}
