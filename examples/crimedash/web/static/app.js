// The dashboard: what happens when.
import { Allies } from "./allies.js";
import { Announcer } from "./announcer.js";
import { listCrimes, Problem, readStats } from "./api.js";
import { Banner } from "./banner.js";
import { ExportLink } from "./export.js";
import { Feed } from "./feed.js";
import { Filters } from "./filters.js";
import { initPreferences } from "./prefs.js";
import { Live } from "./live.js";
import { ReportForm } from "./report.js";
import { Server } from "./server.js";
import { Session } from "./session.js";
import { Stats } from "./stats.js";

const pageSize = matchMedia("(max-width: 43.99rem)").matches ? 10 : 20;
const statsEvery = 60_000; // the window of 24 hours moves on even when nothing happens
const firstRetry = 3_000;
const patience = 2_000; // how long a resumed connection may take to deliver what was missed
const superseded = Symbol("superseded");

initPreferences(); // first: it fills the selects that the filters read
const filters = new Filters();
const session = new Session();
new ExportLink(filters, session);
const feed = new Feed(filters, session, showOlder);
const stats = new Stats(filters);
const announcer = new Announcer();
const live = new Live("/live");
const server = new Server();
const banner = new Banner(() => (started ? live.retry() : start()));
new ReportForm(filed);
new Allies();

let started = false;
let startTimer = 0;
let reload = null; // the list request under way
let lostAt = null; // the number of crimes on file when the connection was lost
let movedMeanwhile = false; // another server took over while the connection was lost
let recount = 0;
let arrived = new Set(); // ids received live, to drop what comes twice

filters.addEventListener("change", () => loadList());
live.addEventListener("crime", ({ detail }) => take(detail.crime, detail.position));
live.addEventListener("change", ({ detail }) => {
  feed.change(detail);
  clearTimeout(recount);
  recount = setTimeout(loadStats, 200); // several may come together
});
live.addEventListener("served", ({ detail }) => {
  const moved = server.is(detail);
  if (lostAt !== null) movedMeanwhile ||= moved;
  else if (moved) banner.moved(() => server.name);
});
live.addEventListener("gap", () => loadList().then(loadStats));
live.addEventListener("state", ({ detail }) => {
  banner.state(detail.state);
  if (detail.state === "offline" && lostAt === null) {
    lostAt = stats.allTime;
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

function take(crime, position) {
  if (arrived.has(crime.id)) return;
  arrived.add(crime.id);
  if (arrived.size > 4_000) arrived = new Set([...arrived].slice(-2_000));
  stats.add(crime, position);
  if (feed.add(crime)) announcer.crime(crime);
}

// A crime of one's own is on file at once, also while the node cannot tell the
// others: then it does not come live, and the list has to be read.
function filed(crime) {
  setTimeout(() => {
    if (!arrived.has(crime.id)) loadList().then(loadStats);
  }, patience);
}

// catchUp says what an outage cost: nothing. The statistics tell up to which
// position things had come when the line was back; the live connection delivers
// everything up to there. Should it not come, the list is read anew.
async function catchUp() {
  const from = lostAt;
  const name = movedMeanwhile ? () => server.name : null;
  lostAt = null;
  movedMeanwhile = false;
  if (!(await loadStats())) {
    banner.clear();
    return;
  }
  const missed = Math.max(0, stats.allTime - from);
  const { cursor } = stats;
  const deadline = performance.now() + patience;
  while (!live.reached(cursor) && performance.now() < deadline) await new Promise((resume) => setTimeout(resume, 50));
  if (!live.reached(cursor) || feed.failed) await loadList();
  if (live.state === "live") banner.back(missed, name);
}
