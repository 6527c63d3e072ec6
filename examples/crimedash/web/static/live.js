// The live connection: one EventSource with a memory. The browser resumes a
// short interruption by itself; this module adds what it does not do: it says
// in which state the connection is, opens a new one where the browser gives up
// (any reply but 200), notices a line that has silently died, and carries the
// position across all of that, so that nothing is lost.

const silence = 45_000; // three missed heartbeats
const firstWait = 1_000;
const longestWait = 15_000;
const handoverTime = 6_000; // a server that says goodbye has named a time within this
const token = Math.random().toString(36).slice(2, 12) || "0"; // of this page, see introduction

export class Live extends EventTarget {
  #source = null;
  #position = "";
  #wait = firstWait;
  #retryTimer = 0;
  #watchdog = 0;
  #handover = 0;
  #url;
  #more;
  state = "connecting";

  /** Events of the names in more are passed on besides crimes: their data and position. */
  constructor(url, more = []) {
    super();
    this.#url = url;
    this.#more = more;
    addEventListener("offline", () => this.#drop());
    addEventListener("online", () => this.retry());
    addEventListener("pageshow", (event) => event.persisted && this.retry());
    addEventListener("pagehide", () => this.#close());
  }

  /** Whether everything up to the given position has arrived. */
  reached(position) {
    return !isBehind(this.#position, position);
  }

  /** Starts listening after the given position. */
  open(position) {
    this.#position = position;
    this.#connect();
  }

  /** Tries again at once instead of waiting. */
  retry() {
    if (this.#position === "" || (this.state === "live" && this.#source !== null)) return;
    this.#wait = firstWait;
    this.#connect();
  }

  #connect() {
    this.#close();
    const source = new EventSource(`${this.#url}?page=${token}&lastEventID=${encodeURIComponent(this.#position)}`);
    this.#source = source;
    source.addEventListener("open", () => {
      this.#wait = firstWait;
      this.#arrive();
      this.#heard();
      const server = introduction();
      if (server !== null) this.dispatchEvent(new CustomEvent("served", { detail: server }));
      this.#become("live");
    });
    source.addEventListener("error", (event) => this.#failed(source, event));
    for (const name of ["sse.hello", "ping"]) {
      source.addEventListener(name, (event) => this.#moved(event));
    }
    source.addEventListener("sse.bye", (event) => {
      this.#moved(event);
      this.#leave();
    });
    source.addEventListener("sse.gap", (event) => {
      this.#moved(event);
      this.dispatchEvent(new Event("gap"));
    });
    for (const name of this.#more) {
      source.addEventListener(name, (event) => {
        this.#moved(event);
        const detail = { data: JSON.parse(event.data), position: event.lastEventId };
        this.dispatchEvent(new CustomEvent(name, { detail }));
      });
    }
    source.addEventListener("crime_alert", (event) => {
      this.#moved(event);
      const detail = { crime: JSON.parse(event.data), position: event.lastEventId };
      this.dispatchEvent(new CustomEvent("crime", { detail }));
    });
    source.addEventListener("crime_changed", (event) => {
      this.#moved(event);
      this.dispatchEvent(new CustomEvent("change", { detail: JSON.parse(event.data) }));
    });
  }

  #failed(source, event) {
    if (source !== this.#source) return;
    // An event that the server named "error" lands here as well; it has data
    // and is followed by the end of the connection, which has none.
    if (event.data !== undefined) return;
    this.#become(this.#handover !== 0 ? "handover" : "offline");
    clearTimeout(this.#watchdog);
    if (source.readyState !== EventSource.CLOSED) return; // the browser tries again
    this.#close();
    this.#retryTimer = setTimeout(() => this.#connect(), this.#wait * (0.75 + Math.random() / 2));
    this.#wait = Math.min(this.#wait * 2, longestWait);
  }

  #moved(event) {
    if (event.lastEventId) this.#position = event.lastEventId;
    this.#heard();
  }

  #heard() {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => {
      this.#become("offline");
      this.#connect();
    }, silence);
  }

  // A server that is restarted sends its streams to another one. That is no
  // outage, unless nobody takes over.
  #leave() {
    clearTimeout(this.#handover);
    this.#handover = setTimeout(() => {
      this.#arrive();
      if (this.state === "handover") this.#become("offline");
    }, handoverTime);
  }

  #arrive() {
    clearTimeout(this.#handover);
    this.#handover = 0;
  }

  #drop() {
    this.#arrive();
    this.#close();
    this.#become("offline");
  }

  #close() {
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#watchdog);
    this.#source?.close();
    this.#source = null;
  }

  #become(state) {
    if (state === this.state) return;
    const before = this.state;
    this.state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: { state, before } }));
  }
}

/** Whether position a is before b. Positions of different logs cannot be compared: then it is not. */
export function isBehind(a, b) {
  const [log, n] = split(a);
  const [other, m] = split(b);
  return log === other && n < m;
}

function split(position) {
  const dot = position.lastIndexOf(".");
  return [position.slice(0, dot), Number(position.slice(dot + 1))];
}

// introduction says who serves the stream that has just been opened: the reply
// brought a cookie that only this page looks for. It is null where cookies are off.
function introduction() {
  const name = `served-${token}`;
  const found = document.cookie.split("; ").find((cookie) => cookie.startsWith(`${name}=`));
  if (found === undefined) return null;
  document.cookie = `${name}=; Path=/; Max-Age=0; SameSite=Strict`;
  try {
    const text = atob(found.slice(name.length + 1).replaceAll("-", "+").replaceAll("_", "/"));
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(text, (c) => c.charCodeAt(0))));
  } catch {
    return null; // somebody else's cookie of that name: the page does without
  }
}
