// The page of the five streams: a card for each, with its raw event log.
import { el } from "./dom.js";
import { onLanguage, t } from "./i18n.js";
import { initPreferences } from "./prefs.js";
import { Session } from "./session.js";
import { readEvents } from "./sse-reader.js";

const names = ["events", "json", "async", "database", "api"];

class StreamCard {
  #path;
  #name;
  #events = [];
  #state = "idle";
  #note = "";
  #abort = null;
  #element;
  #parts;

  constructor(name) {
    this.#name = name;
    this.#path = name === "events" ? "/events" : `/events/${name}`;
    const part = (tag, properties) => el(tag, properties);
    this.#parts = {
      title: part("h2", { id: `title-${name}` }),
      button: part("button", { type: "button", class: "button", onclick: () => (this.#abort ? this.stop() : this.start()) }),
      text: part("p", { class: "text" }),
      state: part("span", {}),
      count: part("span", { class: "muted" }),
      log: part("div", { class: "log", tabIndex: 0, role: "log" }),
      head: part("tr"),
      body: part("tbody"),
    };
    const p = this.#parts;
    p.log.append(el("table", {}, el("thead", {}, p.head), p.body));
    this.#element = el("section", { class: "panel stream", "aria-labelledby": p.title.id, data: { stream: name } },
      el("div", { class: "stream-head" }, p.title, p.button, el("code", { class: "path" }, `GET ${this.#path}`)),
      p.text,
      el("p", { class: "state" },
        el("span", { class: "state-name" }, el("span", { class: "lamp", "aria-hidden": "true" }), p.state), p.count),
      p.log);
    this.draw();
  }

  get element() {
    return this.#element;
  }

  async start() {
    if (this.#abort) return;
    const mine = (this.#abort = new AbortController());
    this.#events = [];
    this.#become("running");
    try {
      const began = performance.now();
      const response = await fetch(this.#path, { signal: mine.signal, headers: { Accept: "text/event-stream" }, cache: "no-store" });
      if (response.status !== 200) {
        this.#note = t("streams.refused", { status: response.status });
        this.#become("failed");
        return;
      }
      for await (const event of readEvents(response)) {
        this.#add({ ...event, at: (performance.now() - began) / 1000 });
      }
      this.#become("done");
    } catch {
      // An abort is the reader's own doing; anything else is a body that broke off.
      this.#become(mine.signal.aborted ? "stopped" : "failed");
    } finally {
      this.#abort = null;
      this.draw();
    }
  }

  stop() {
    this.#abort?.abort();
  }

  #add(event) {
    if (this.#events.length === 0) this.#parts.body.replaceChildren();
    this.#events.push(event);
    this.#parts.body.append(row(event));
    this.#parts.log.scrollTop = this.#parts.log.scrollHeight;
    this.#parts.count.textContent = t("streams.count", { n: this.#events.length });
  }

  #become(state) {
    this.#state = state;
    if (state !== "failed") this.#note = "";
    this.draw();
  }

  draw() {
    const p = this.#parts;
    const running = this.#abort !== null;
    this.#element.dataset.state = this.#state;
    p.title.textContent = t(`streams.${this.#name}.title`);
    p.text.textContent = t(`streams.${this.#name}.text`);
    p.button.textContent = t(running ? "streams.stop" : "streams.start");
    p.button.setAttribute("aria-label", t(running ? "streams.stop.label" : "streams.start.label", { path: this.#path }));
    p.state.textContent = `${t(`streams.state.${this.#state}`)} ${this.#note}`.trim();
    p.count.textContent = t("streams.count", { n: this.#events.length });
    p.log.setAttribute("aria-label", t("streams.log.label", { path: this.#path }));
    p.head.replaceChildren(...["time", "event", "id", "data"].map((name) => el("th", { scope: "col" }, t(`streams.col.${name}`))));
    p.body.replaceChildren(...(this.#events.length > 0
      ? this.#events.map(row)
      : [el("tr", {}, el("td", { class: "none", colSpan: 4 }, t("streams.empty")))]));
  }
}

function row(event) {
  return el("tr", { class: event.event === "error" ? "wrong" : "" },
    el("td", { class: "when" }, event.at.toFixed(2)),
    el("td", { class: "event" }, event.event),
    el("td", { class: "id" }, event.id),
    el("td", { class: "data" }, event.data));
}

initPreferences();
new Session();
const cards = names.map((name) => new StreamCard(name));
document.getElementById("streams").append(...cards.map((card) => card.element));
document.getElementById("start-all").addEventListener("click", () => cards.forEach((card) => card.start()));
document.getElementById("stop-all").addEventListener("click", () => cards.forEach((card) => card.stop()));
onLanguage(() => cards.forEach((card) => card.draw()));
