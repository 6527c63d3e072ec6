// Who is typing. A message says so every few seconds; when none comes any more, because
// somebody's network is gone, say, it is over.

const lasts = 6_000;

export class Typists {
  #timers = new Map();

  constructor(element) {
    this.element = element;
  }

  heard(name, on) {
    clearTimeout(this.#timers.get(name));
    this.#timers.delete(name);
    if (on) this.#timers.set(name, setTimeout(() => this.heard(name, false), lasts));
    this.#draw();
  }

  clear() {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    this.#draw();
  }

  #draw() {
    const names = [...this.#timers.keys()];
    this.element.classList.toggle("on", names.length > 0);
    this.element.textContent =
      names.length === 0 ? ""
      : names.length === 1 ? `${names[0]} is typing`
      : names.length <= 3 ? `${names.slice(0, -1).join(", ")} and ${names.at(-1)} are typing`
      : `${names.length} people are typing`;
  }
}
