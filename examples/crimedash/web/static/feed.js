// The list of crimes, newest first.
import { acts } from "./cases.js";
import { ago, caseNumber, clock, dateTime, onLanguage, t } from "./i18n.js";
import { el } from "./dom.js";
import { progress } from "./lab.js";

const recentKept = 100;

export class Feed {
  #list = document.getElementById("crimes");
  #empty = document.getElementById("empty");
  #held = document.getElementById("held");
  #older = document.getElementById("older");
  #pause = document.getElementById("pause");
  #count = document.getElementById("feed-count");
  #crimes = []; // shown, newest first
  #waiting = []; // arrived while paused
  #recent = []; // arrived live, whether shown or not
  #failed = false;
  #more = false;
  #limit = 0; // as many as the reader asked for: the page keeps its length while crimes pour in
  paused = false;

  constructor(filters, session, onOlder) {
    this.filters = filters;
    this.session = session;
    session.addEventListener("change", () => this.#draw());
    this.#older.addEventListener("click", () => onOlder(this.#crimes.at(-1)?.id));
    this.#pause.addEventListener("click", () => this.#setPaused(!this.paused));
    this.#held.addEventListener("click", () => {
      this.#release();
      this.#list.querySelector("li")?.scrollIntoView({ block: "nearest" });
    });
    onLanguage(() => this.#draw());
    setInterval(() => this.#age(), 20_000);
  }

  /** Shows a list as the server answered it, plus what arrived live meanwhile. */
  replace(crimes, size) {
    const more = crimes.length >= size;
    const listed = new Set(crimes.map((crime) => crime.id));
    const later = this.#recent.filter((crime) => !listed.has(crime.id) && this.filters.matches(crime));
    this.#crimes = [...later, ...crimes].sort((a, b) => b.id - a.id).slice(0, size);
    this.#waiting = [];
    this.#failed = false;
    this.#more = more;
    this.#limit = size;
    this.#draw();
  }

  /** Adds an older page. */
  append(crimes, size) {
    const more = crimes.length >= size;
    const shown = new Set(this.#crimes.map((crime) => crime.id));
    this.#crimes.push(...crimes.filter((crime) => !shown.has(crime.id)));
    this.#limit += size;
    this.#more = more;
    this.#draw();
  }

  /** Whether the last attempt to load the list failed. */
  get failed() {
    return this.#failed;
  }

  /** A crime has arrived live. Returns whether it is shown now. */
  add(crime) {
    this.#recent.unshift(crime);
    this.#recent.length = Math.min(this.#recent.length, recentKept);
    if (!this.filters.matches(crime)) return false;
    if (this.paused) {
      this.#waiting.unshift(crime);
    } else {
      this.#insert(crime);
    }
    this.#frame();
    return !this.paused;
  }

  /** A crime has another status, or is gone. */
  change({ id, status, removed }) {
    const others = (crime) => crime.id !== id;
    if (removed) {
      this.#crimes = this.#crimes.filter(others);
      this.#waiting = this.#waiting.filter(others);
      this.#recent = this.#recent.filter(others);
    }
    for (const crime of [...this.#crimes, ...this.#waiting, ...this.#recent]) if (crime.id === id) crime.status = status;
    const item = this.#list.querySelector(`li[data-id="${id}"]`);
    if (item !== null) this.#redraw(item, this.#crimes.find((crime) => crime.id === id));
    this.#frame();
  }

  // #redraw keeps the focus where it was: whoever works through the list by keyboard
  // must not be thrown back to its beginning.
  #redraw(item, crime) {
    const focused = item.contains(document.activeElement);
    const next = crime ? row(crime, this.session) : null;
    const neighbour = item.nextElementSibling ?? item.previousElementSibling;
    if (next) item.replaceWith(next);
    else item.remove();
    if (focused) ((next ?? neighbour)?.querySelector(".acts button") ?? document.getElementById("feed")).focus();
  }

  /** The list could not be loaded: show what is at hand under the new filters. */
  fail() {
    this.#crimes = this.#crimes.filter((crime) => this.filters.matches(crime));
    this.#failed = true;
    this.#draw();
  }

  #insert(crime) {
    if (this.#crimes.some((other) => other.id === crime.id)) return; // listed already
    const at = this.#crimes.findIndex((other) => other.id < crime.id);
    const index = at < 0 ? this.#crimes.length : at;
    this.#crimes.splice(index, 0, crime);
    const item = row(crime, this.session);
    item.classList.add("fresh");
    this.#list.insertBefore(item, this.#list.children[index] ?? null);
    setTimeout(() => item.classList.remove("fresh"), 3_000);
    while (this.#crimes.length > this.#limit) {
      this.#crimes.pop();
      this.#list.lastElementChild.remove();
      this.#more = true;
    }
  }

  #setPaused(paused) {
    this.paused = paused;
    if (!paused) this.#release();
    this.#frame();
  }

  #release() {
    const waiting = this.#waiting.reverse();
    this.#waiting = [];
    for (const crime of waiting) this.#insert(crime);
    this.#frame();
  }

  #draw() {
    this.#list.replaceChildren(...this.#crimes.map((crime) => row(crime, this.session)));
    this.#frame();
  }

  // #frame draws what surrounds the list.
  #frame() {
    this.#pause.setAttribute("aria-pressed", String(this.paused));
    this.#pause.textContent = t(this.paused ? "feed.resume" : "feed.pause");
    this.#held.hidden = this.#waiting.length === 0;
    this.#held.textContent = t("feed.held", { n: this.#waiting.length });
    this.#older.hidden = !this.#more || this.#crimes.length === 0;
    this.#count.textContent = this.filters.active ? t("feed.count", { n: `${this.#crimes.length}${this.#more ? "+" : ""}` }) : "";
    this.#empty.hidden = this.#crimes.length > 0 && !this.#failed;
    this.#empty.textContent = t(this.#failed ? "feed.failed" : this.filters.active ? "feed.none" : "feed.quiet");
  }

  #age() {
    const now = Date.now();
    for (const time of this.#list.querySelectorAll("time")) time.nextElementSibling.textContent = ago(new Date(time.dateTime), now);
  }
}

function row(crime, session) {
  const at = new Date(crime.created_at);
  const severity = t(`severity.${crime.severity}`);
  return el("li", { class: `crime ${crime.severity}${crime.status === "closed" ? " closed-case" : ""}`, data: { id: crime.id } },
    el("span", { class: "rail", "aria-hidden": "true" }),
    el("h3", {},
      t(`kind.${crime.kind}`),
      el("span", { class: "where" }, ` · ${crime.place}, ${t(`district.${crime.district}`)}`)),
    el("span", { class: "badge" }, severity),
    el("p", { class: "said" }, crime.description),
    el("p", { class: "meta" },
      el("span", {},
        el("time", { dateTime: crime.created_at, title: dateTime(at) }, clock(at, true)), " · ",
        el("span", {}, ago(at))),
      el("span", { class: `status-${crime.status}` }, t(`status.${crime.status}`)),
      el("span", {}, crime.reporter || crime.badge ? t("feed.by", { who: crime.reporter || crime.badge }) : t("feed.anonymous")),
      crime.badge ? el("span", { class: "badge-mark" }, t("feed.badge", { who: crime.badge })) : null,
      el("span", {}, `#${caseNumber(crime.id)}`)),
    progress(crime),
    crime.photo ? photo(crime) : null,
    acts(crime, session));
}

function photo(crime) {
  const image = el("img", { alt: t("feed.photoAlt", { place: crime.place }), loading: "lazy", src: `/photos/${encodeURIComponent(crime.photo)}` });
  const link = el("a", { class: "photo", href: image.src, target: "_blank", rel: "noopener" }, image);
  // Photos stay on the node that took the report.
  image.addEventListener("error", () => link.replaceWith(el("p", { class: "photo-away" }, t("feed.photoAway"))));
  return link;
}
