// The live connection: one EventSource with a memory. The browser resumes a
// short interruption by itself; this module adds what it does not do: it says
// in which state the connection is, opens a new one where the browser gives up
// (any reply but 200), notices a line that has silently died, and carries the
// position across all of that, so that nothing is lost.

const silence = 45_000; // three missed heartbeats
const firstWait = 1_000;
const longestWait = 15_000;

export class Live extends EventTarget {
  #source = null;
  #position = "";
  #wait = firstWait;
  #retryTimer = 0;
  #watchdog = 0;
  #url;
  state = "connecting";

  constructor(url) {
    super();
    this.#url = url;
    addEventListener("offline", () => this.#drop());
    addEventListener("online", () => this.retry());
    addEventListener("pageshow", (event) => event.persisted && this.retry());
    addEventListener("pagehide", () => this.#close());
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
    const source = new EventSource(`${this.#url}?lastEventID=${encodeURIComponent(this.#position)}`);
    this.#source = source;
    source.addEventListener("open", () => {
      this.#wait = firstWait;
      this.#heard();
      this.#become("live");
    });
    source.addEventListener("error", (event) => this.#failed(source, event));
    for (const name of ["sse.hello", "ping", "sse.bye"]) {
      source.addEventListener(name, (event) => this.#moved(event));
    }
    source.addEventListener("sse.gap", (event) => {
      this.#moved(event);
      this.dispatchEvent(new Event("gap"));
    });
    source.addEventListener("crime_alert", (event) => {
      this.#moved(event);
      this.dispatchEvent(new CustomEvent("crime", { detail: JSON.parse(event.data) }));
    });
  }

  #failed(source, event) {
    if (source !== this.#source) return;
    // An event that the server named "error" lands here as well; it has data
    // and is followed by the end of the connection, which has none.
    if (event.data !== undefined) return;
    this.#become("offline");
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

  #drop() {
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
