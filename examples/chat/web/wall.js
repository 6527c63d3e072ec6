// The wall: a room to read only. An EventSource reconnects by itself and goes on behind
// the last event it saw, so there is nothing to do for that.
import { Lines } from "./lines.js";
import { Typists } from "./typists.js";

const room = location.hash.slice(1) || "lobby";
const lines = new Lines(document.getElementById("lines"));
const typists = new Typists(document.getElementById("typing"));

const show = (state, text) => {
  document.getElementById("state").dataset.state = state;
  document.getElementById("state-text").textContent = text;
};

const source = new EventSource(`rooms/${encodeURIComponent(room)}/events`);
source.onopen = () => show("live", "Connected");
source.onerror = () => {
  if (source.readyState === EventSource.CLOSED) show("refused", "There is no such room");
  else show("reconnecting", "Reconnecting");
};
const on = (event, f) => source.addEventListener(event, (e) => f(JSON.parse(e.data), e.lastEventId));
on("line", (line, id) => {
  typists.heard(line.who, false);
  lines.said(line, id);
});
on("typing", ({ who, on }) => typists.heard(who, on));
on("sse.leave", ({ name }) => typists.heard(name, false));
on("sse.gap", () => lines.remark("Some messages are too old to be shown here."));

document.title = `Wall of ${room}`;
document.getElementById("title").textContent = `Wall: ${room}`;
addEventListener("hashchange", () => location.reload());
