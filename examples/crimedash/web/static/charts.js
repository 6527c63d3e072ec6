// The crimes of each hour or minute as columns, drawn at the size it is shown
// so that letters stay sharp and readable on every screen.
import { el, svg } from "./dom.js";
import { clock, number, t } from "./i18n.js";

const margin = { top: 14, right: 4, bottom: 24, left: 30 };

/** Draws one series of figures: "hours" or "minutes". */
export function drawChart(data, series) {
  const box = document.getElementById("hours-chart");
  const buckets = data[series].map((bucket) => ({ ...bucket, at: new Date(bucket.start) }));
  const peak = buckets.reduce((a, b) => (b.total > a.total ? b : a));
  const total = buckets.reduce((sum, bucket) => sum + bucket.total, 0);
  const width = Math.max(box.clientWidth, 200);
  const height = box.querySelector("svg")?.clientHeight || 208;
  const inner = { width: width - margin.left - margin.right, height: height - margin.top - margin.bottom };
  const { top, step } = scale(peak.total);
  const y = (n) => margin.top + inner.height * (1 - n / top);
  const band = inner.width / buckets.length;
  const x = (i) => margin.left + i * band;

  const chart = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": t(`hours.alt.${series}`, { total, peak: peak.total, at: clock(peak.at) }) });
  buckets.forEach(({ at }, i) => {
    if (isNight(at)) chart.append(svg("rect", { class: "night", x: x(i), y: margin.top, width: band, height: inner.height }));
  });
  for (let n = 0; n <= top; n += step) {
    chart.append(svg("line", { class: "grid", x1: margin.left, x2: width - margin.right, y1: y(n), y2: y(n) }),
      svg("text", { x: margin.left - 8, y: y(n) + 4, "text-anchor": "end" }, number(n)));
  }
  buckets.forEach((bucket, i) => {
    chart.append(column(bucket, x(i), band, { top: margin.top, y }));
    const last = i === buckets.length - 1;
    const nearEnd = (buckets.length - 1 - i) * band < 44;
    if (last) {
      chart.append(svg("text", { class: "now", x: width - margin.right, y: height - 6, "text-anchor": "end" }, t("hours.now")));
    } else if (!nearEnd && isMarked(bucket.at, series, band)) {
      chart.append(svg("text", { x: x(i) + band / 2, y: height - 6, "text-anchor": "middle" }, clock(bucket.at)));
    }
  });
  box.replaceChildren(chart);
  drawTable(buckets);
}

/** Whether a time stands on the axis: as many as fit without touching. */
function isMarked(at, series, band) {
  if (series === "hours") return at.getHours() % (band < 17 ? 6 : 3) === 0;
  return at.getMinutes() % (band < 6 ? 20 : 10) === 0;
}

function column(bucket, left, band, { top, y }) {
  const gap = Math.min(4, band * 0.22);
  const bar = { x: left + gap / 2, width: band - gap };
  return svg("g", { class: "column" },
    svg("title", {}, t("hours.tip", { at: clock(bucket.at), total: bucket.total, severe: bucket.severe })),
    svg("rect", { x: left, width: band, y: top, height: y(0) - top, fill: "none", "pointer-events": "all" }),
    svg("rect", { ...bar, class: "all", y: y(bucket.total), height: y(bucket.severe) - y(bucket.total) }),
    svg("rect", { ...bar, class: "severe", y: y(bucket.severe), height: y(0) - y(bucket.severe) }));
}

function drawTable(buckets) {
  const cell = (text) => el("td", {}, text);
  const head = (text, scope) => el("th", { scope }, text);
  document.getElementById("hours-table").replaceChildren(
    el("thead", {}, el("tr", {}, head(t("hours.start"), "col"), head(t("hours.all"), "col"), head(t("hours.severe"), "col"))),
    el("tbody", {}, ...buckets.toReversed().map((bucket) =>
      el("tr", {}, head(clock(bucket.at), "row"), cell(number(bucket.total)), cell(number(bucket.severe))))));
}

/** A round upper end for the axis and the step of its lines: three to five of them. */
function scale(peak) {
  const rough = Math.max(peak, 4) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(1, [1, 2, 5, 10].find((n) => n * power >= rough) * power);
  return { step, top: Math.ceil(Math.max(peak, 4) / step) * step };
}

function isNight(at) {
  return at.getHours() >= 22 || at.getHours() < 6;
}
