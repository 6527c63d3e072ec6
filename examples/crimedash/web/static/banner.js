// The connection, shown: the lamp in the masthead and the banner below it.
import { el } from "./dom.js";
import { onLanguage, t } from "./i18n.js";

const backFor = 8_000; // how long the good news stays

export class Banner {
  #link = document.getElementById("link");
  #text = document.getElementById("link-text");
  #banner = document.getElementById("banner");
  #state = "connecting";
  #message = null; // a function, so that it can be said again in another language
  #timer = 0;

  constructor(onRetry) {
    this.onRetry = onRetry;
    onLanguage(() => this.#draw());
    addEventListener("offline", () => this.#state === "offline" && this.lost());
    this.#draw();
  }

  state(state) {
    this.#state = state;
    this.#draw();
  }

  lost() {
    this.#say("lost", () => t(navigator.onLine ? "banner.lost" : "banner.offline"));
  }

  /** n reports have been caught up, from the server of that name if it is another one than before. */
  back(n, name = null) {
    this.#sayForAWhile("back", () => (name === null ? t("banner.back", { n }) : t("banner.backMoved", { n, name: name() })));
  }

  /** The server of that name has taken over, without an outage. */
  moved(name) {
    this.#sayForAWhile("moved", () => t("banner.moved", { name: name() }));
  }

  clear() {
    this.#say("quiet", null);
  }

  #sayForAWhile(tone, message) {
    this.#say(tone, message);
    this.#timer = setTimeout(() => this.clear(), backFor);
  }

  #say(tone, message) {
    clearTimeout(this.#timer);
    this.#banner.dataset.tone = tone;
    this.#message = message;
    this.#draw();
  }

  #draw() {
    this.#link.dataset.state = this.#state;
    this.#text.textContent = t(`link.${this.#state}`);
    if (this.#message === null) {
      this.#banner.replaceChildren();
      return;
    }
    const inner = el("div", { class: "banner-inner" }, el("span", {}, this.#message()));
    if (this.#banner.dataset.tone === "lost") {
      inner.append(el("button", { type: "button", class: "button small", onclick: () => this.onRetry() }, t("banner.retry")));
    }
    this.#banner.replaceChildren(inner);
  }
}
