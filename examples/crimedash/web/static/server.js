// Who serves the live connection: shown beside the lamp.
import { onLanguage, t } from "./i18n.js";

export class Server {
  #place = document.getElementById("served-by");
  #who = null;

  constructor() {
    onLanguage(() => this.#draw());
  }

  /** Notes who serves from now on. Returns whether somebody else did before. */
  is(who) {
    const before = this.#who;
    this.#who = who;
    this.#draw();
    return before !== null && (before.node !== who.node || before.process !== who.process);
  }

  /** The server by its name, in the reader's language. */
  get name() {
    const { node, process, of } = this.#who;
    return of === 0 ? node : t("server.process", { node, process, of });
  }

  #draw() {
    this.#place.hidden = this.#who === null || this.#who.node === "";
    if (this.#place.hidden) return;
    const { node, process, of } = this.#who;
    const [label, name, part] = this.#place.children;
    label.textContent = t("server.label");
    name.textContent = node;
    part.textContent = of === 0 ? "" : `${process}/${of}`;
    this.#place.title = t("server.by", { name: this.name });
  }
}
