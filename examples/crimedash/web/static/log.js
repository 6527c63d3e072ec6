// The log of the process that serves this page, as it is written.
import { el } from "./dom.js";
import { clock, onLanguage, t } from "./i18n.js";
import { Live } from "./live.js";
import { initPreferences } from "./prefs.js";
import { Session } from "./session.js";

const kept = 500; // lines
const known = new Set(["level", "time", "message", "method", "path", "status", "took_ms", "ip", "bytes", "request_id", "route"]);

const box = document.getElementById("log-window");
const list = document.getElementById("log-lines");
const live = new Live("/log/live", ["line"]);

initPreferences();
new Session();
live.addEventListener("line", ({ detail }) => add(detail.data));
live.addEventListener("state", state);
onLanguage(state);
document.getElementById("log-trouble").addEventListener("change", ({ target }) => {
  list.classList.toggle("only-trouble", target.checked);
  box.scrollTop = box.scrollHeight;
});
document.getElementById("log-clear").addEventListener("click", () => list.replaceChildren());
state();
live.open("");

function add(line) {
  const reading = box.scrollHeight - box.scrollTop - box.clientHeight > 40; // further up: stay there
  list.append(item(line));
  while (list.childElementCount > kept) list.firstElementChild.remove();
  if (!reading) box.scrollTop = box.scrollHeight;
}

function item(line) {
  const { level, time, message, method, path, status, took_ms: took } = line;
  const rest = Object.entries(line).filter(([name, value]) => !known.has(name) && value !== "completed").map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  const words = [...(method ? [method, path] : [message]), ...rest].join(" ");
  const tone = status >= 500 || level === "error" ? "broken" : status >= 400 || level === "warn" ? "trouble" : status ? "good" : "info";
  return el("li", { class: tone },
    el("time", { dateTime: time }, clock(new Date(time), true)),
    el("span", { class: "mark" }, String(status ?? level)),
    el("span", { class: "what" }, words),
    el("span", { class: "took" }, took === undefined ? "" : duration(took)));
}

// duration is readable for a request as for a stream that was open all day.
function duration(ms) {
  return ms < 1_000 ? `${ms.toFixed(1)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}

function state() {
  document.getElementById("link").dataset.state = live.state;
  document.getElementById("link-text").textContent = t(`link.${live.state}`);
}
