// The page: what happens when.
import { Lines, hue } from "./lines.js";
import { Outbox } from "./outbox.js";
import { People } from "./people.js";
import { Socket } from "./socket.js";
import { Typists } from "./typists.js";

const nameStore = "chat.name";
const longest = 1_000; // as the server has it; it counts characters, too
const typingEvery = 3_000;
const stateText = { idle: "", connecting: "Connecting", live: "Connected", reconnecting: "Reconnecting", refused: "Not connected" };

const $ = (id) => document.getElementById(id);
const socket = new Socket();
const outbox = new Outbox((value) => socket.send(value), () => socket.drop());
const typists = new Typists($("typing"));

let name = localStorage.getItem(nameStore) ?? "";
let rooms = [];
let here = null; // the room we are in: what it is called, what was said, who is there
let typingAt = -Infinity; // when the others were last told that we are

// ---- what the server says

const heard = {
  line(data, id) {
    outbox.settle(data.key);
    typists.heard(data.who, false);
    here.lines.said(data, id, data.who === name);
  },
  typing(data) {
    if (data.who !== name) typists.heard(data.who, data.on);
  },
  refused(data) {
    const line = outbox.settle(data.key);
    here.lines.settle(data.key);
    $("say-error").textContent = `Not sent: ${data.reason}.`;
    if (line && $("text").value === "") $("text").value = line.text; // to be mended
  },
  members(data) {
    here.people.list(data.names, data.at);
    drawPeople();
  },
  "sse.join": (data, id) => somebody("sse.join", data.name, id),
  "sse.leave": (data, id) => somebody("sse.leave", data.name, id),
  "sse.gap": () => here.lines.remark("Some messages are too old to be shown here."),
};

function somebody(event, who, id) {
  here.people.heard(event, who, id);
  if (event === "sse.leave") typists.heard(who, false);
  drawPeople();
}

socket.addEventListener("message", ({ detail: { event, data, id } }) => heard[event]?.(data, id));

socket.addEventListener("state", ({ detail: { state, reason } }) => {
  $("state").dataset.state = state;
  $("state-text").textContent = stateText[state];
  if (state === "live") outbox.opened(here.id);
  else outbox.closed();
  if (state === "reconnecting") typists.clear();
  if (state === "refused") showDoor(reason);
});

// ---- what the person does

$("say").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  const fault = text === "" ? "There is nothing to send yet." : [...text].length > longest ? `That is ${[...text].length} characters; ${longest} fit.` : "";
  $("say-error").textContent = fault;
  if (fault) return;
  const line = outbox.add(here.id, text);
  here.lines.pending(line, name);
  here.lines.toEnd();
  $("text").value = "";
  grow();
  typingAt = -Infinity; // the line says that we have stopped
});

$("text").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return; // Enter also ends the choice of a character
  event.preventDefault();
  $("say").requestSubmit();
});

$("text").addEventListener("input", () => {
  grow();
  $("say-error").textContent = "";
  const now = performance.now();
  if ($("text").value.trim() === "") {
    if (typingAt > -Infinity) socket.send({ do: "typing", on: false });
    typingAt = -Infinity;
  } else if (now - typingAt > typingEvery && socket.send({ do: "typing", on: true })) {
    typingAt = now;
  }
});

$("door").addEventListener("submit", (event) => {
  event.preventDefault();
  const wanted = $("name").value.trim();
  if (wanted === "") {
    $("door-error").textContent = "A name has at least one character.";
    return;
  }
  name = wanted;
  localStorage.setItem(nameStore, name);
  enter();
});

$("rename").addEventListener("click", () => {
  socket.leave();
  showDoor("");
});

addEventListener("hashchange", () => {
  if (name && !$("room").hidden) enter();
});

// ---- what is drawn

function showDoor(fault) {
  $("door").hidden = false;
  $("room").hidden = $("people-panel").hidden = $("me").hidden = true;
  $("name").value = name;
  $("door-error").textContent = fault ? `${fault}.` : "";
  $("name").focus();
}

// A room that was left keeps what was said, and the position up to which that goes:
// whoever comes back is sent what was said meanwhile.
function enter() {
  const before = here;
  here = rooms.find(({ id }) => `#${id}` === location.hash) ?? rooms[0];
  $("door").hidden = true;
  $("room").hidden = $("people-panel").hidden = $("me").hidden = false;
  $("room-title").textContent = here.title;
  $("room-about").textContent = here.about;
  document.title = `${here.title} – Chat`;
  $("my-name").textContent = name;
  $("my-name").style.setProperty("--hue", hue(name));
  $("wall-link").href = `wall.html#${here.id}`;
  for (const link of $("rooms").querySelectorAll("a")) {
    if (link.hash === `#${here.id}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (before) before.lines.element.hidden = true;
  here.lines.element.hidden = false;
  here.lines.toEnd();
  typists.clear();
  drawPeople();
  for (const line of outbox.waiting(here.id)) here.lines.pending(line, name);
  socket.enter(here.id, name);
  $("text").focus();
}

function drawPeople() {
  const { names } = here.people;
  $("head-count").textContent = names.length;
  $("people").replaceChildren(...names.map((who) => {
    const item = document.createElement("li");
    item.className = "name";
    item.style.setProperty("--hue", hue(who));
    item.textContent = who;
    if (who === name) item.append(" ", Object.assign(document.createElement("small"), { textContent: "(you)" }));
    return item;
  }));
}

// grow fits the field to what is in it, up to some lines.
function grow() {
  const field = $("text");
  field.style.height = "auto";
  field.style.height = `${Math.min(field.scrollHeight + 2, 160)}px`;
}

// ---- the beginning

// furnish gives a room its place on the page.
function furnish(room) {
  const list = document.createElement("ol");
  list.className = "lines";
  list.tabIndex = 0;
  list.hidden = true;
  list.setAttribute("role", "log");
  list.setAttribute("aria-label", `What was said in ${room.title}`);
  $("lists").append(list);
  return { ...room, lines: new Lines(list), people: new People() };
}

async function start() {
  try {
    rooms = (await (await fetch("rooms")).json()).map(furnish);
  } catch {
    setTimeout(start, 2_000);
    return;
  }
  $("rooms").replaceChildren(...rooms.map(({ id, title }) => {
    const item = document.createElement("li");
    item.append(Object.assign(document.createElement("a"), { href: `#${id}`, textContent: title }));
    return item;
  }));
  if (name) enter();
  else showDoor("");
}
start();
