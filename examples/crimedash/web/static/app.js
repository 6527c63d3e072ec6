// The dashboard: what happens when.
import { Announcer } from "./announcer.js";
import { listCrimes, Problem, readStats } from "./api.js";
import { Banner } from "./banner.js";
import { Feed } from "./feed.js";
import { Filters } from "./filters.js";
import { initPreferences } from "./prefs.js";
import { Live } from "./live.js";
import { ReportForm } from "./report.js";
import { Stats } from "./stats.js";

const pageSize = matchMedia("(max-width: 43.99rem)").matches ? 10 : 20;
const statsEvery = 60_000; // the window of 24 hours moves on even when nothing happens
const firstRetry = 3_000;
const patience = 2_000; // how long a resumed connection may take to deliver what was missed
const superseded = Symbol("superseded");

initPreferences(); // first: it fills the selects that the filters read
const filters = new Filters();
const feed = new Feed(filters, showOlder);
const stats = new Stats(filters);
const announcer = new Announcer();
const live = new Live("/live");
const banner = new Banner(() => (started ? live.retry() : start()));
new ReportForm();

let started = false;
let startTimer = 0;
let reload = null; // the list request under way
let newest = 0; // the greatest id seen
let lostAt = null; // the greatest id seen when the connection was lost
let arrived = new Set(); // ids received live, to drop what comes twice

filters.addEventListener("change", () => loadList());
live.addEventListener("crime", ({ detail }) => take(detail));
live.addEventListener("gap", () => loadList().then(loadStats));
live.addEventListener("state", ({ detail }) => {
  banner.state(detail.state);
  if (detail.state === "offline" && lostAt === null) {
    lostAt = newest;
    banner.lost();
  }
  if (detail.state === "live" && lostAt !== null) catchUp();
});
setInterval(() => live.state === "live" && loadStats(), statsEvery);
start();

// start loads the list first: its cursor was taken before the list was read,
// so that listening from there misses nothing. What comes twice is dropped.
async function start() {
  clearTimeout(startTimer);
  const cursor = await loadList();
  if (cursor === superseded) return start(); // a filter was changed meanwhile
  if (cursor === null) {
    banner.state("offline");
    banner.lost();
    startTimer = setTimeout(start, firstRetry);
    return;
  }
  started = true;
  banner.clear();
  banner.state(live.state);
  await loadStats();
  live.open(cursor);
}

/** Loads the list under the present filters. Returns the cursor, null if that failed, or superseded. */
async function loadList() {
  reload?.abort();
  const mine = (reload = new AbortController());
  try {
    const { crimes, cursor } = await listCrimes({ ...filters.value, limit: pageSize }, { signal: mine.signal });
    feed.replace(crimes, pageSize);
    newest = Math.max(newest, crimes[0]?.id ?? 0);
    return cursor;
  } catch (error) {
    if (error.name === "AbortError") return superseded;
    if (!(error instanceof Problem)) throw error;
    feed.fail();
    return null;
  }
}

async function loadStats() {
  try {
    stats.set(await readStats());
    newest = Math.max(newest, stats.lastID);
    return true;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return false; // the next round will tell
  }
}

async function showOlder(before) {
  try {
    const { crimes } = await listCrimes({ ...filters.value, before, limit: pageSize });
    feed.append(crimes, pageSize);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    feed.fail();
  }
}

function take(crime) {
  if (arrived.has(crime.id)) return;
  arrived.add(crime.id);
  if (arrived.size > 4_000) arrived = new Set([...arrived].slice(-2_000));
  newest = Math.max(newest, crime.id);
  stats.add(crime);
  if (feed.add(crime)) announcer.crime(crime);
}

// catchUp says what an outage cost: nothing. The statistics tell up to which
// crime things had come when the line was back; the live connection delivers
// all of them, ids having no holes. Should they not come, the list is read anew.
async function catchUp() {
  const from = lostAt;
  lostAt = null;
  if (!(await loadStats())) {
    banner.clear();
    return;
  }
  const until = stats.lastID;
  const complete = () => {
    for (let id = from + 1; id <= until; id++) if (!arrived.has(id)) return false;
    return true;
  };
  const deadline = performance.now() + patience;
  while (!complete() && performance.now() < deadline) await new Promise((resume) => setTimeout(resume, 50));
  if (!complete() || feed.failed) await loadList();
  if (live.state === "live") banner.back(Math.max(0, until - from));
}
