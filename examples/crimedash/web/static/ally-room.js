// One room, as the page knows it: what was said, who is there, what is unread.

export const rooms = ["batcave", "gcpd", "oracle"];

const kept = 300;

export class AllyRoom {
  lines = []; // {id, who, text, at, key}, in order
  unread = 0;
  #names = new Set();
  #news = []; // the latest joins and leaves
  #since = position("");

  get names() {
    return [...this.#names].sort((a, b) => a.localeCompare(b));
  }

  /** Takes a line. Returns false if it is here already, as after a new beginning. */
  take(line) {
    if (this.lines.some(({ id }) => id === line.id)) return false;
    this.lines.push(line);
    if (this.lines.length > kept) this.lines.shift();
    return true;
  }

  /** Sets who is there at a position. What has happened up to it is in the list already. */
  list(names, at) {
    this.#names = new Set(names);
    this.#since = position(at);
    this.#news = this.#news.filter((news) => this.#isNews(news));
    for (const news of this.#news) this.#apply(news);
  }

  /** Somebody comes or goes. Lists and these arrive in any order. */
  heard(here, name, id) {
    const news = { here, name, ...position(id) };
    if (news.log === this.#since.log && !this.#isNews(news)) return;
    this.#news = [...this.#news.slice(-99), news];
    this.#apply(news);
  }

  #isNews({ log, number }) {
    return log === this.#since.log && number > this.#since.number;
  }

  #apply({ here, name }) {
    if (here) this.#names.add(name);
    else this.#names.delete(name);
  }
}

/** The parts of a position, "<log>.<number>". */
export function position(id) {
  const dot = id.lastIndexOf(".");
  return { log: id.slice(0, Math.max(dot, 0)), number: Number(id.slice(dot + 1)) };
}
