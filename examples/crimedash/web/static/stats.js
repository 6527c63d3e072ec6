// The statistics: fetched now and then, and kept current in between by adding
// each crime that arrives live.
import { el } from "./dom.js";
import { drawChart } from "./charts.js";
import { number, onLanguage, severities, t } from "./i18n.js";
import { isBehind } from "./live.js";
import { CityMap } from "./map.js";

const severe = new Set(["high", "critical"]);

export class Stats {
  #data = null;
  #recent = []; // arrived live, for figures that were counted before but arrive after
  #filters;
  #districts = document.getElementById("district-bars");
  #map = new CityMap((district) => this.#filters.toggle("district", district));
  #severities = document.getElementById("severity-bars");
  #stack = document.getElementById("severity-stack");
  #drawn = 0;
  #series = null; // "hours" or "minutes"
  #range = document.getElementById("range");

  constructor(filters) {
    this.#filters = filters;
    onLanguage(() => this.#draw());
    filters.addEventListener("change", () => this.#draw());
    this.#range.addEventListener("click", ({ target }) => target.value && this.#choose(target.value));
    new ResizeObserver(() => this.#draw()).observe(document.getElementById("hours-chart"));
  }

  /** How many crimes are on file, as far as the page knows. */
  get allTime() {
    return this.#data?.all_time ?? 0;
  }

  /** Up to which position of the live connection the server had counted. */
  get cursor() {
    return this.#data?.cursor ?? "";
  }

  set(data) {
    this.#data = data;
    if (this.#series === null) this.#choose(towers(data.hours) ? "minutes" : "hours");
    this.#recent = this.#recent.filter(({ crime, position }) => !this.#counted(crime, position));
    for (const { crime } of this.#recent) this.#count(crime);
    this.#draw();
  }

  add(crime, position) {
    if (this.#counted(crime, position)) return;
    this.#recent.push({ crime, position });
    if (this.#data === null) return;
    this.#count(crime);
    this.#draw();
    this.#map.strike(crime.district);
  }

  // Whether the server has counted it already. A node among several says so by
  // the position, and lists what it counted ahead of that; one alone gives ids
  // in a row.
  #counted(crime, position) {
    const data = this.#data;
    if (data === null) return false;
    if (data.ahead === undefined) return crime.id <= data.last_id;
    return data.cursor === position || isBehind(position, data.cursor) || data.ahead.includes(crime.id);
  }

  #count(crime) {
    const data = this.#data;
    const heavy = severe.has(crime.severity) ? 1 : 0;
    data.total++;
    data.all_time++;
    data.open++;
    data.by_severity[crime.severity]++;
    const district = data.by_district[crime.district - 1];
    district.total++;
    district.severe += heavy;
    for (const [buckets, width] of [[data.hours, 3_600_000], [data.minutes, 60_000]]) {
      const bucket = bucketOf(buckets, width, Date.parse(crime.created_at));
      if (bucket === undefined) continue; // older than what is shown
      bucket.total++;
      bucket.severe += heavy;
    }
  }

  #choose(series) {
    this.#series = series;
    for (const button of this.#range.children) button.setAttribute("aria-pressed", String(button.value === series));
    this.#draw();
  }

  // #draw is cheap, but a burst after an outage brings hundreds of crimes: one
  // drawing per frame is enough.
  #draw() {
    if (this.#data === null || this.#drawn !== 0) return;
    this.#drawn = requestAnimationFrame(() => {
      this.#drawn = 0;
      this.#drawFigures();
      this.#drawDistricts();
      this.#drawSeverities();
      drawChart(this.#data, this.#series);
    });
  }

  #drawFigures() {
    const d = this.#data;
    const heavy = d.by_severity.high + d.by_severity.critical;
    const hot = d.by_district.reduce((a, b) => (b.total > a.total ? b : a));
    const trend = compare(d.total, d.previous);
    document.getElementById("figures").replaceChildren(
      figure("day", number(d.total), trend),
      figure("hour", number(d.hours.at(-1).total), t("figures.hourNote", { n: number(d.hours.at(-2).total) })),
      figure("severe", number(heavy), t("figures.severeNote", { n: d.total === 0 ? 0 : Math.round((heavy / d.total) * 100) }), "alarm"),
      figure("open", number(d.open), t("figures.openNote", { n: number(d.all_time) })),
      figure("hot", hot.total === 0 ? t("figures.none") : t(`district.${hot.district}`), t("figures.hotNote", { n: hot.total }), "", "words"));
  }

  #drawDistricts() {
    const most = Math.max(1, ...this.#data.by_district.map((d) => d.total));
    const chosen = this.#filters.value.district;
    this.#map.draw(this.#data.by_district, chosen);
    this.#rows(this.#districts, this.#data.by_district.map((d) => String(d.district)), (code, button) => {
      const d = this.#data.by_district[code - 1];
      button.setAttribute("aria-pressed", String(chosen === code));
      button.title = t("districts.tip", { severe: d.severe });
      button.replaceChildren(
        el("span", { class: "name" }, t(`district.${code}`)), " ",
        el("span", { class: "count" }, number(d.total)),
        track([["bar-fill severe", d.severe / most], ["bar-fill", (d.total - d.severe) / most]]));
    }, "district");
  }

  #drawSeverities() {
    const counts = this.#data.by_severity;
    const total = Math.max(1, this.#data.total);
    const chosen = this.#filters.value.severity;
    const worstFirst = severities.toReversed();
    this.#rows(this.#severities, worstFirst, (code, button) => {
      button.className = `bar ${code}`;
      button.setAttribute("aria-pressed", String(chosen === code));
      button.replaceChildren(
        el("span", { class: "mark", "aria-hidden": "true" }),
        el("span", { class: "name" }, t(`severity.${code}`)), " ",
        el("span", { class: "count" }, number(counts[code]), " ", el("small", {}, `${Math.round((counts[code] / total) * 100)}%`)));
    }, "severity");
    if (this.#stack.childElementCount === 0) {
      this.#stack.append(...worstFirst.map((code) => el("span", { class: code })));
      this.#stack.setAttribute("aria-hidden", "true"); // the list below says the same
    }
    worstFirst.forEach((code, i) => { this.#stack.children[i].style.flexGrow = String(counts[code]); });
  }

  // #rows keeps its buttons, so that focus survives each new crime.
  #rows(list, codes, draw, name) {
    if (list.childElementCount === 0) {
      list.append(...codes.map((code) => el("li", {},
        el("button", { type: "button", class: "bar", onclick: () => this.#filters.toggle(name, code) }))));
    }
    codes.forEach((code, i) => draw(code, list.children[i].firstElementChild));
  }
}

/** The bucket of a moment. The clock has moved on since the figures were fetched: new ones open, old ones go. */
function bucketOf(buckets, width, at) {
  for (let last = Date.parse(buckets.at(-1).start); at - last >= width; ) {
    last += width;
    buckets.push({ start: new Date(last).toISOString(), total: 0, severe: 0 });
    buckets.shift();
  }
  return buckets.findLast((bucket) => at >= Date.parse(bucket.start));
}

/** Whether the hour under way dwarfs all others, as it does soon after the simulator has begun: then the minutes tell more. */
function towers(hours) {
  return hours.at(-1).total > 8 * Math.max(1, ...hours.slice(0, -1).map((hour) => hour.total));
}

function compare(today, before) {
  if (before === 0) return t("figures.first");
  const change = Math.round((today / before - 1) * 100);
  if (change >= 100) return t("figures.times", { n: number(Math.round((today / before) * 10) / 10) });
  if (change === 0) return t("figures.same");
  return t(change > 0 ? "figures.more" : "figures.less", { n: Math.abs(change) });
}

function figure(name, value, note, tone = "", form = "") {
  return el("div", { class: `figure ${tone}`, data: { figure: name } },
    el("dt", {}, t(`figures.${name}`)),
    el("dd", {}, el("span", { class: `value ${form}` }, value)),
    el("dd", { class: "note" }, note));
}

function track(parts) {
  return el("span", { class: "track", "aria-hidden": "true" }, ...parts.map(([name, share]) => {
    const fill = el("span", { class: name });
    fill.style.width = `${share * 100}%`; // through the object model: the policy forbids style attributes
    return fill;
  }));
}

