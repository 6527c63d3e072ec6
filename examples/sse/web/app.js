// One Panel for each stream: it opens an EventSource, shows how the connection
// does, and hands each message to the function for its kind.

const stripSeconds = 30;
const calm = matchMedia("(prefers-reduced-motion: reduce)");

class Panel {
  #source = null;
  #paused;
  #lastID = "";
  #arrivals = []; // times of messages, for the strip
  #waiting = 0;

  constructor(element, handlers) {
    this.element = element;
    this.url = element.dataset.stream;
    this.handlers = handlers;
    this.manual = "manual" in element.dataset;
    this.#paused = this.manual;

    const tools = document.getElementById("panel-tools").content.cloneNode(true);
    this.state = tools.querySelector(".state");
    this.stateText = tools.querySelector(".state-text");
    this.toggle = tools.querySelector(".toggle");
    this.strip = tools.querySelector(".strip");
    this.title = element.querySelector("h2").textContent;
    element.querySelector("header").append(tools);
    this.toggle.addEventListener("click", () => this.paused ? this.resume() : this.pause());
    if (this.manual) this.toggle.remove();
    this.#show("paused", this.manual ? "idle" : "paused");
  }

  get paused() { return this.#paused; }
  get open() { return this.#source?.readyState === EventSource.OPEN; }

  resume() {
    this.#paused = false;
    this.connect();
  }

  pause() {
    this.#paused = true;
    this.disconnect("paused");
  }

  // restart begins anew, as if nothing had been seen.
  restart() {
    this.disconnect("connecting");
    this.#lastID = "";
    this.resume();
  }

  connect() {
    if (this.#source || this.#paused || document.hidden) return;
    // An EventSource that reconnects by itself sends the last id as a header. One
    // that is made by the page has to name it in the address.
    const query = this.#lastID === "" ? "" : "?lastEventID=" + encodeURIComponent(this.#lastID);
    const source = new EventSource(this.url + query);
    this.#source = source;
    this.#show("connecting", "connecting");
    this.#waiting = setTimeout(() => {
      if (source.readyState === EventSource.CONNECTING) this.#show("connecting", "waiting for a free connection");
    }, 4000);

    source.addEventListener("open", () => this.#show("live", "live"));
    source.addEventListener("error", event => {
      // The name is used twice: for what the browser noticed, and for an event
      // named "error" that the server sent, which has data.
      if (event.data !== undefined) {
        this.handlers.failed?.(event.data);
      } else if (source.readyState === EventSource.CLOSED) {
        this.#source = null;
        this.#show("broken", "refused");
      } else {
        this.#show("connecting", "reconnecting");
      }
    });
    for (const [name, handle] of Object.entries(this.handlers.events)) {
      source.addEventListener(name, event => {
        if (event.lastEventId !== "") this.#lastID = event.lastEventId;
        this.#arrivals.push(performance.now());
        handle(JSON.parse(event.data), this);
      });
    }
  }

  // disconnect closes the connection but keeps the place in the stream.
  disconnect(text) {
    clearTimeout(this.#waiting);
    this.#source?.close();
    this.#source = null;
    this.#show("paused", text);
  }

  finish() {
    this.#paused = true;
    this.disconnect("finished");
    this.#show("finished", "finished");
  }

  #show(state, text) {
    if (state === "live") clearTimeout(this.#waiting);
    this.state.dataset.state = state;
    this.stateText.textContent = text;
    this.toggle.textContent = this.#paused ? "Resume" : "Pause";
    this.toggle.setAttribute("aria-label", `${this.toggle.textContent} ${this.title}`);
    this.element.dispatchEvent(new Event("statechange", {bubbles: true}));
  }

  // draw paints the messages of the last half minute as ticks that move left.
  draw(now) {
    const {strip} = this, scale = devicePixelRatio, style = getComputedStyle(strip);
    const width = Math.round(strip.clientWidth * scale), height = Math.round(strip.clientHeight * scale);
    if (width === 0) return;
    if (strip.width !== width || strip.height !== height) [strip.width, strip.height] = [width, height];
    const pen = strip.getContext("2d"), span = stripSeconds * 1000;
    pen.clearRect(0, 0, width, height);
    pen.fillStyle = style.borderBottomColor;
    for (let s = 5; s < stripSeconds; s += 5) pen.fillRect(width * (1 - s / stripSeconds), height - 4 * scale, scale, 4 * scale);
    this.#arrivals = this.#arrivals.filter(t => now - t < span);
    pen.fillStyle = style.color;
    for (const t of this.#arrivals) {
      const age = (now - t) / span;
      pen.globalAlpha = 1 - 0.75 * age;
      const tall = height * (0.85 - 0.35 * age);
      pen.fillRect(width * (1 - age) - 3 * scale, height - tall, 2 * scale, tall);
    }
    pen.globalAlpha = 1;
  }
}

// make builds an element; text is never taken for HTML.
function make(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

// follow appends to a list that scrolls, bounds it, and stays at the end unless
// the reader has scrolled up.
function follow(list, item, limit) {
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 24;
  list.append(item);
  while (list.children.length > limit) list.firstElementChild.remove();
  if (atEnd) list.scrollTop = list.scrollHeight;
}

const clock = new Intl.DateTimeFormat("en-GB", {timeStyle: "medium"});
const find = selector => document.querySelector(selector);

// ---- notifications: newest first, the last few stay

const noticeList = find(".notices");
function notice(n) {
  const item = make("li", "", make("strong", "", n.title), make("time", "", clock.format(new Date())), make("span", "", n.text));
  item.dataset.level = n.level;
  item.firstElementChild.prepend(make("span", "visually-hidden", n.level + ": "));
  noticeList.prepend(item);
  while (noticeList.children.length > 4) noticeList.lastElementChild.remove();
}

// ---- feed

const feedList = find(".reports"), feedRemark = find(".feed .remark");
function report(r) {
  const item = make("li", "",
    make("span", "number", "#" + r.number),
    make("span", "what", r.kind, make("small", "", r.place)),
    make("span", "severity", r.severity));
  item.dataset.severity = r.severity;
  follow(feedList, item, 60);
}

// ---- chat

const chatList = find(".lines");
let speaker = "";
function line(l) {
  const item = make("li", l.who === speaker ? "same" : "",
    make("span", "who", l.who), make("span", "said", l.text));
  item.querySelector(".said").lang = l.lang;
  if (/\p{Script=Han}/u.test(l.who)) item.querySelector(".who").lang = "zh-Hans";
  item.dataset.who = l.who;
  speaker = l.who;
  follow(chatList, item, 80);
}

// ---- progress

const bar = find("#bar"), startButton = find("#start"), jobStatus = find("#job-status");
function showProgress(p) {
  bar.value = p.percent;
  find("#percent").textContent = p.percent;
  const step = find("#step");
  if (step.textContent !== p.step) {
    step.textContent = p.step;
    jobStatus.textContent = `${p.percent} percent: ${p.step}`; // said once a step, not a hundred times
  }
}
function done(p, panel) {
  showProgress(p);
  panel.finish(); // or the browser would take the end for an accident and reconnect
  startButton.textContent = "Start it again";
  startButton.disabled = false;
}
function startJob() {
  startButton.disabled = true;
  startButton.textContent = "Working";
  byPath.get("/progress").restart();
}
startButton.addEventListener("click", startJob);

// ---- dashboard

const history = {streams: [], goroutines: [], heap: [], requests: []};
const formats = {
  heap: bytes => (bytes / (1 << 20)).toFixed(1) + " MiB",
  uptime: s => s < 60 ? `${s} s` : s < 3600 ? `${Math.floor(s / 60)} min` : `${Math.floor(s / 3600)} h ${Math.floor(s % 3600 / 60)} min`,
};
function figures(f) {
  for (const element of document.querySelectorAll("[data-figure]")) {
    const name = element.dataset.figure;
    element.textContent = formats[name] ? formats[name](f[name]) : f[name].toLocaleString("en");
  }
  for (const [name, values] of Object.entries(history)) {
    values.push(f[name]);
    if (values.length > 60) values.shift();
    const low = Math.min(...values), range = Math.max(...values) - low || 1;
    const points = values.map((v, i) => `${100 - (values.length - 1 - i) * 100 / 59},${26 - (v - low) / range * 22}`);
    find(`[data-spark="${name}"]`).setAttribute("points", points.join(" "));
  }
}

// ---- log tail

const logList = find(".entries");
const shown = new Set(["level", "time", "message", "method", "path", "status", "request_id", "ip", "stack"]);
function entry(e) {
  const rest = Object.entries(e).filter(([key]) => !shown.has(key)).map(([key, value]) => `${key}=${typeof value === "number" ? +value.toFixed(2) : value}`);
  const item = make("li", "",
    make("time", "", clock.format(new Date(e.time))), " ",
    make("span", "level", e.level), " ",
    make("span", "what", [e.message, e.method, e.path, e.status].filter(Boolean).join(" ")), " ",
    make("span", "rest", rest.join(" ")));
  item.dataset.level = e.level;
  follow(logList, item, 200);
}
for (const button of document.querySelectorAll("[data-request]")) {
  button.addEventListener("click", () => fetch(button.dataset.request).catch(() => {}));
}

// ---- wiring

const handlers = {
  "/notifications": {events: {notice}},
  "/feed": {
    events: {report},
    failed: text => { feedRemark.textContent = `${clock.format(new Date())}: ${text}. Resumed.`; },
  },
  "/chat": {events: {line}},
  "/progress": {events: {progress: showProgress, done}},
  "/dashboard": {events: {figures}},
  "/log": {events: {line: entry}},
};
const panels = [...document.querySelectorAll("[data-stream]")].map(element => new Panel(element, handlers[element.dataset.stream]));
const byPath = new Map(panels.map(panel => [panel.url, panel]));
const steady = panels.filter(panel => !panel.manual);

const all = find("#all");
all.addEventListener("click", () => {
  const pause = steady.some(panel => !panel.paused);
  for (const panel of steady) pause ? panel.pause() : panel.resume();
});
addEventListener("statechange", () => {
  find("#open-count").textContent = panels.filter(panel => panel.open).length;
  const paused = steady.every(panel => panel.paused);
  all.textContent = paused ? "Resume all" : "Pause all";
  all.setAttribute("aria-pressed", paused);
});

// A hidden page needs no news, and other tabs need its connections.
addEventListener("visibilitychange", () => {
  for (const panel of panels) {
    if (panel.paused) continue;
    document.hidden ? panel.disconnect("asleep") : panel.connect();
  }
});

let drawn = 0;
function draw(now) {
  requestAnimationFrame(draw);
  if (now - drawn < (calm.matches ? 1000 : 50)) return;
  drawn = now;
  for (const panel of panels) panel.draw(now);
}
requestAnimationFrame(draw);

for (const panel of steady) panel.connect();
startJob();
