// The filters above the feed, kept in the address so that a view can be
// bookmarked and shared.

const names = ["q", "kind", "severity", "district"];
const typingPause = 250;

export class Filters extends EventTarget {
  #form = document.getElementById("filters");
  #clear = document.getElementById("clear");
  #timer = 0;

  constructor() {
    super();
    const asked = new URLSearchParams(location.search);
    for (const name of names) this.#form.elements[name].value = asked.get(name) ?? "";
    this.#form.addEventListener("submit", (event) => event.preventDefault());
    this.#form.addEventListener("reset", () => {
      // The values are cleared after this event; focus must not stay on a
      // button that is about to disappear.
      setTimeout(() => {
        this.#changed();
        this.#form.elements.q.focus();
      });
    });
    this.#form.addEventListener("change", () => this.#changed());
    this.#form.elements.q.addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#changed(), typingPause);
    });
    this.#clear.hidden = !this.active;
  }

  get value() {
    return Object.fromEntries(names.map((name) => [name, this.#form.elements[name].value.trim()]));
  }

  get active() {
    return Object.values(this.value).some((value) => value !== "");
  }

  /** Sets one filter, or takes it back if it is set to that value already. */
  toggle(name, value) {
    const control = this.#form.elements[name];
    control.value = control.value === value ? "" : value;
    this.#changed();
  }

  /** Whether a crime passes: the same rule as the server's. */
  matches(crime) {
    const { q, kind, severity, district } = this.value;
    if (kind && crime.kind !== kind) return false;
    if (severity && crime.severity !== severity) return false;
    if (district && String(crime.district) !== district) return false;
    const text = `${crime.place}\n${crime.description}\n${crime.reporter}`.toLowerCase();
    return q.toLowerCase().split(/\s+/).every((word) => text.includes(word));
  }

  #changed() {
    clearTimeout(this.#timer);
    const query = new URLSearchParams(Object.entries(this.value).filter(([, value]) => value !== "")).toString();
    if (query !== location.search.slice(1)) {
      history.replaceState(null, "", (query ? `?${query}` : location.pathname) + location.hash);
      this.#clear.hidden = !this.active;
      this.dispatchEvent(new Event("change"));
    }
  }
}
