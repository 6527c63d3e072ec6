// The allies' channel on the dashboard: rooms, who is there, and what they say.
import { el } from "./dom.js";
import { onLanguage, t } from "./i18n.js";
import { AllyOutbox } from "./ally-outbox.js";
import { AllyRoom, rooms } from "./ally-room.js";
import { AllySocket } from "./ally-socket.js";
import { lineItem, tint } from "./ally-line.js";

const suggested = ["Batman", "Gordon", "Robin", "Oracle", "Alfred"];
const longest = 500; // characters, as the server has it
const nameStore = "ally";
const roomStore = "ally.room";

const $ = (id) => document.getElementById(id);

export class Allies {
  #socket = new AllySocket();
  #outbox = new AllyOutbox(this.#socket);
  #rooms = Object.fromEntries(rooms.map((room) => [room, new AllyRoom()]));
  #name = recall(nameStore);
  #room = rooms.includes(recall(roomStore)) ? recall(roomStore) : rooms[0];
  #sworn = false; // has logged in: then the server says who this is
  #known = false; // whether the server has said so, or the contrary
  #inView = false;
  #fault = null; // a function, so that it can be said in another language

  constructor() {
    this.#buildTabs();
    $("ally-who").addEventListener("submit", (event) => this.#choose(event));
    $("ally-say").addEventListener("submit", (event) => this.#say(event));
    $("ally-change").addEventListener("click", () => this.#changeName());
    new IntersectionObserver(([entry]) => {
      this.#inView = entry.isIntersecting;
      this.#look();
    }, { threshold: 0.25 }).observe($("allies-body"));
    document.addEventListener("visibilitychange", () => this.#look());
    this.#socket.addEventListener("message", ({ detail }) => this.#heard(detail));
    this.#socket.addEventListener("state", ({ detail }) => this.#state(detail));
    onLanguage(() => this.#draw());
    this.#draw();
    this.#socket.open(this.#name, this.#room);
  }

  // ---- what the server says

  #heard({ topic = "", event, id = "", data }) {
    const room = this.#rooms[topic.slice(topic.indexOf("/") + 1)];
    switch (event) {
      case "past":
        for (const line of data) this.#rooms[line.room].take(line);
        return this.#drawLines();
      case "members":
        for (const name of rooms) this.#rooms[name].list(data.rooms[name] ?? [], data.at);
        return this.#met(data.you);
      case "sse.join":
      case "sse.leave":
        room.heard(event === "sse.join", data.name, id);
        return this.#drawPeople();
      case "line":
        return this.#said(data.room, { id, ...data });
      case "refused":
        return this.#refused(data);
    }
  }

  // #met takes the server's word for who this is.
  #met({ name, sworn }) {
    this.#sworn = sworn;
    this.#known = true;
    this.#name = name;
    this.#outbox.open(name !== "");
    this.#draw(false);
  }

  #said(name, line) {
    const room = this.#rooms[name];
    this.#outbox.settle(line.key);
    if (!room.take(line)) return;
    if (line.who !== this.#name && !(name === this.#room && this.#seen())) {
      room.unread++;
      this.#drawUnread();
    }
    if (name === this.#room) this.#drawLines();
  }

  #refused({ key, code, max }) {
    const line = this.#outbox.settle(key);
    if (line && $("ally-text").value === "") $("ally-text").value = line.text; // to be mended
    this.#complain(() => t(`allies.error.${code}`, { max }));
    this.#drawLines();
  }

  #state({ state, reason }) {
    if (state !== "live") this.#outbox.open(false); // it opens when the server has said who this is
    this.#drawState();
    if (state === "refused") this.#changeName(() => reason);
  }

  // ---- what the reader does

  #choose(event) {
    event.preventDefault();
    const name = (event.submitter?.value || $("ally-name").value).trim();
    if (name === "") return this.#complain(() => t("allies.error.nameless"));
    this.#name = name;
    remember(nameStore, name);
    this.#complain(null);
    this.#draw();
    this.#socket.open(name, this.#room);
    $("ally-text").focus();
  }

  #changeName(fault = null) {
    $("ally-name").value = suggested.includes(this.#name) ? "" : this.#name;
    this.#name = "";
    remember(nameStore, "");
    this.#complain(fault);
    this.#draw();
    this.#socket.open("", this.#room);
    $("ally-name").focus();
  }

  #say(event) {
    event.preventDefault();
    const text = $("ally-text").value.trim();
    if (text === "") return this.#complain(() => t("allies.error.empty"));
    if ([...text].length > longest) return this.#complain(() => t("allies.error.too_long", { max: longest }));
    this.#complain(null);
    this.#outbox.add(this.#room, text);
    $("ally-text").value = "";
    this.#drawLines(true);
  }

  #enter(room) {
    this.#room = room;
    remember(roomStore, room);
    this.#socket.enter(room);
    this.#look();
    this.#drawPeople();
    this.#drawLines(true);
  }

  #seen() {
    return this.#inView && !document.hidden;
  }

  // #look marks what is on view as read.
  #look() {
    if (this.#seen()) this.#rooms[this.#room].unread = 0;
    this.#drawUnread();
  }

  #complain(fault) {
    this.#fault = fault;
    $("ally-fault").textContent = fault?.() ?? "";
  }

  // ---- what is drawn

  #buildTabs() {
    $("ally-rooms").replaceChildren(...rooms.map((room) =>
      el("button", { type: "button", value: room, onclick: () => this.#enter(room) }, el("span", {}), " ", el("span", { class: "unread" }))));
    $("ally-names").replaceChildren(...suggested.map((name) =>
      el("button", { type: "submit", class: `button small ally ${tint(name)}`, value: name }, name)));
  }

  #draw(toEnd = true) {
    $("ally-who").hidden = this.#name !== "" || !this.#known;
    $("ally-change").hidden = this.#sworn;
    $("ally-say").hidden = this.#name === "";
    $("ally-me").textContent = this.#name;
    $("ally-me").className = `ally ${tint(this.#name)}`;
    $("ally-fault").textContent = this.#fault?.() ?? "";
    this.#drawState();
    this.#drawUnread();
    this.#drawPeople();
    this.#drawLines(toEnd);
  }

  #drawState() {
    const { state } = this.#socket;
    $("allies").dataset.state = state;
    $("ally-state").textContent = state === "live" ? "" : t(`allies.${state}`);
  }

  #drawUnread() {
    let total = 0;
    for (const button of $("ally-rooms").children) {
      const { unread } = this.#rooms[button.value];
      const [label, badge] = button.children;
      total += unread;
      label.textContent = t(`room.${button.value}`);
      badge.textContent = unread || "";
      badge.title = unread ? t("allies.unread", { n: unread }) : "";
      button.setAttribute("aria-pressed", String(button.value === this.#room));
    }
    $("allies-unread").textContent = total || "";
    $("allies-unread").title = total ? t("allies.unread", { n: total }) : "";
    document.title = total ? `(${total}) ${t("title.dashboard")}` : t("title.dashboard");
  }

  #drawPeople() {
    const { names } = this.#rooms[this.#room];
    $("ally-people").replaceChildren(...names.map((who) => el("li", { class: `ally ${tint(who)}` }, who)));
    $("ally-alone").textContent = names.length === 0 ? t("allies.nobody") : t("allies.here");
  }

  // #drawLines brings the list in line with what was said. It adds what is new and leaves
  // the rest alone: a screen reader reads out what is added.
  #drawLines(toEnd = false) {
    const list = $("ally-lines");
    const atEnd = toEnd || list.scrollHeight - list.scrollTop - list.clientHeight < 60;
    const shows = `${this.#room} ${this.#name} ${document.documentElement.lang}`;
    if (list.dataset.shows !== shows) list.replaceChildren();
    list.dataset.shows = shows;
    const { lines } = this.#rooms[this.#room];
    const waiting = this.#outbox.waiting(this.#room);
    const wanted = new Set([...lines.map(({ id }) => id), ...waiting.map(({ key }) => key)]);
    const shown = new Set();
    for (const item of [...list.children]) {
      const id = item.dataset.id ?? item.dataset.key;
      if (wanted.has(id)) shown.add(id);
      else item.remove();
    }
    const firstWaiting = list.querySelector(".pending");
    for (const line of lines) {
      if (!shown.has(line.id)) list.insertBefore(lineItem(line, line.who === this.#name ? "mine" : ""), firstWaiting);
    }
    for (const { key, text } of waiting) {
      if (!shown.has(key)) list.append(pendingItem(key, text, this.#name));
    }
    $("ally-silence").hidden = wanted.size > 0;
    $("ally-silence").textContent = t("allies.silence");
    if (atEnd) list.scrollTop = list.scrollHeight;
  }
}

function pendingItem(key, text, who) {
  return el("li", { class: `ally-line mine pending ${tint(who)}`, data: { key } },
    el("p", { class: "said", dir: "auto" }, text), el("p", { class: "muted" }, t("allies.waiting")));
}

function recall(key) {
  try {
    return localStorage.getItem(key) ?? "";
  } catch {
    return "";
  }
}

function remember(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Forbidden storage only costs the memory of the choice.
  }
}
