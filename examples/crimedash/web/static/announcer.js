// Tells screen readers about new crimes. In a busy night one sentence every
// few seconds would drown everything else, so news within a pause is summed up.
import { t } from "./i18n.js";

const pause = 6_000;

export class Announcer {
  #region = document.getElementById("announcer");
  #waiting = 0;
  #latest = null;
  #timer = 0;

  crime(crime) {
    this.#waiting++;
    this.#latest = crime;
    if (this.#timer === 0) {
      this.#speak();
      this.#timer = setInterval(() => this.#speak(), pause);
    }
  }

  #speak() {
    if (this.#waiting === 0) {
      clearInterval(this.#timer);
      this.#timer = 0;
      return;
    }
    const crime = this.#latest;
    this.#region.textContent = t(this.#waiting === 1 ? "announce.one" : "announce.many", {
      n: this.#waiting,
      kind: t(`kind.${crime.kind}`),
      severity: t(`severity.${crime.severity}`),
      district: t(`district.${crime.district}`),
    });
    this.#waiting = 0;
  }
}
