// Who is in the room. The server sends a list together with a position, and joins and
// leaves as messages with positions of their own: what a message says up to the list's
// position is in the list already, and everything behind it comes on top, whichever of
// them arrives first.

const kept = 200;

export class People {
  #names = new Set();
  #news = []; // the latest joins and leaves
  #since = position("");

  get names() {
    return [...this.#names].sort((a, b) => a.localeCompare(b));
  }

  list(names, at) {
    this.#names = new Set(names);
    this.#since = position(at);
    // What comes from another life of the server says nothing about this one.
    this.#news = this.#news.filter(({ at }) => at.life === this.#since.life && at.number > this.#since.number);
    for (const news of this.#news) this.#apply(news);
  }

  heard(event, name, id) {
    const news = { here: event === "sse.join", name, at: position(id) };
    if (news.at.life === this.#since.life && news.at.number <= this.#since.number) return;
    this.#news.push(news);
    if (this.#news.length > kept) this.#news.shift();
    this.#apply(news);
  }

  #apply({ here, name }) {
    if (here) this.#names.add(name);
    else this.#names.delete(name);
  }
}

// A position is "<life of the log>.<number>".
function position(id) {
  const dot = id.lastIndexOf(".");
  return { life: id.slice(0, Math.max(dot, 0)), number: Number(id.slice(dot + 1)) };
}
