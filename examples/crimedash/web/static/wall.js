// The wall: crimes and the allies' talk on one stream, for a screen that nobody touches.
import { clock, onLanguage, t } from "./i18n.js";
import { el } from "./dom.js";
import { initPreferences } from "./prefs.js";
import { isBehind, Live } from "./live.js";
import { lineItem } from "./ally-line.js";

const crimesShown = 12;
const linesShown = 40;
const retryAfter = 3_000;

const $ = (id) => document.getElementById(id);
const live = new Live("/wall/live", ["line"]);
let crimes = []; // newest first
let lines = []; // newest last

initPreferences();
live.addEventListener("crime", ({ detail }) => {
  if (crimes.some(({ id }) => id === detail.crime.id)) return;
  crimes = [detail.crime, ...crimes].sort((a, b) => Date.parse(b.created_at) - Date.parse(a.created_at)).slice(0, crimesShown);
  draw();
});
live.addEventListener("change", ({ detail }) => { // the wall shows no statuses
  if (!detail.removed) return;
  crimes = crimes.filter(({ id }) => id !== detail.id);
  draw();
});
live.addEventListener("line", ({ detail }) => {
  if (lines.some(({ id }) => id === detail.position)) return;
  lines = [...lines, { id: detail.position, ...detail.data }].slice(-linesShown);
  draw();
});
live.addEventListener("gap", load);
live.addEventListener("state", state);
onLanguage(() => {
  state();
  draw();
  tick();
});
setInterval(tick, 1_000);
tick();
state();
start();

async function start() {
  if (!(await load())) return setTimeout(start, retryAfter);
  live.open(cursor);
}

let cursor = ""; // where the state ends, and the stream begins

async function load() {
  try {
    const reply = await fetch("/api/wall");
    if (!reply.ok) return false;
    const state = await reply.json();
    crimes = state.crimes;
    // After a gap some may have come live already.
    const later = lines.filter(({ id }) => isBehind(state.cursor, id) && state.lines.every((line) => line.id !== id));
    lines = [...state.lines, ...later].slice(-linesShown);
    cursor = state.cursor;
    draw();
    return true;
  } catch {
    return false;
  }
}

function state() {
  $("link").dataset.state = live.state;
  $("link-text").textContent = t(`link.${live.state}`);
}

function draw() {
  $("wall-crimes").replaceChildren(...(crimes.length === 0 ? [el("li", { class: "empty" }, t("wall.quiet"))] : crimes.map(crimeItem)));
  $("wall-lines").replaceChildren(...(lines.length === 0 ? [el("li", { class: "empty" }, t("allies.silence"))] : lines.map((line) => {
    const item = lineItem(line);
    item.querySelector(".head").append(" ", el("span", { class: "in" }, t(`room.${line.room}`)));
    return item;
  })));
  $("wall-lines").scrollTop = $("wall-lines").scrollHeight;
}

function crimeItem(crime) {
  const at = new Date(crime.created_at);
  return el("li", { class: `wall-crime ${crime.severity}`, data: { id: crime.id } },
    el("time", { dateTime: crime.created_at }, clock(at)),
    el("p", {}, el("strong", {}, t(`kind.${crime.kind}`)), ` ${crime.place}, ${t(`district.${crime.district}`)}`),
    el("span", { class: "severity-name" }, t(`severity.${crime.severity}`)));
}

function tick() {
  $("wall-clock").textContent = clock(new Date(), true);
}
