// What was said, as a list that stays at its end unless the reader has scrolled away.

const together = 3 * 60_000; // lines of one person within this have one heading
const shownMost = 500;

export class Lines {
  #last = null; // {who, at} of the last line

  constructor(element) {
    this.element = element;
  }

  toEnd() {
    this.element.scrollTop = this.element.scrollHeight;
  }

  /** A line that was said. It takes the place of the same line on its way. */
  said({ who, text, at, key }, id, mine = false) {
    const time = new Date(at);
    this.settle(key);
    const item = document.createElement("li");
    item.dataset.id = id;
    item.classList.toggle("mine", mine);
    item.classList.toggle("more", this.#last?.who === who && time - this.#last.at < together);
    item.style.setProperty("--hue", hue(who));
    this.#last = { who, at: time };
    item.append(heading(who, time), paragraph(text));
    this.#add(item, this.element.querySelector(".pending"));
  }

  /** A line on its way. */
  pending({ key, text }, who) {
    if (this.#find(key)) return;
    const item = document.createElement("li");
    item.className = "mine pending";
    item.dataset.key = key;
    item.style.setProperty("--hue", hue(who));
    const note = document.createElement("p");
    note.className = "note";
    note.textContent = "Waiting to be sent";
    item.append(paragraph(text), note);
    this.#add(item, null);
  }

  /** A line is no longer on its way. */
  settle(key) {
    this.#find(key)?.remove();
  }

  /** A remark of the page's own. */
  remark(text) {
    const item = document.createElement("li");
    item.className = "remark";
    item.textContent = text;
    this.#last = null;
    this.#add(item, this.element.querySelector(".pending"));
  }

  #find(key) {
    return key ? this.element.querySelector(`[data-key="${CSS.escape(key)}"]`) : null;
  }

  #add(item, before) {
    const list = this.element;
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
    list.insertBefore(item, before);
    while (list.children.length > shownMost) list.firstElementChild.remove();
    if (atEnd) this.toEnd();
  }
}

/** hue is somebody's colour, the same on every page. */
export function hue(name) {
  let sum = 7;
  for (const c of name) sum = (sum * 31 + c.codePointAt(0)) % 3600;
  return (sum * 137) % 360;
}

function heading(who, at) {
  const head = document.createElement("p");
  head.className = "head";
  const name = document.createElement("span");
  name.className = "name";
  name.textContent = who;
  const time = document.createElement("time");
  time.dateTime = at.toISOString();
  time.title = at.toLocaleString();
  time.textContent = at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  head.append(name, " ", time);
  return head;
}

function paragraph(text) {
  const p = document.createElement("p");
  p.className = "text";
  p.dir = "auto";
  p.textContent = text;
  return p;
}
