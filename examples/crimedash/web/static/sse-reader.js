// A reader of event streams over fetch, following the parsing rules of the
// HTML standard (section 9.2.6). Unlike EventSource it tells the end of a
// stream from a broken one, never reconnects, and an event that the server
// calls "error" is an event like any other.

/** Yields { event, id, data } from a response's body. Throws if the body breaks off. */
export async function* readEvents(response) {
  const parser = new Parser();
  const decoder = new TextDecoderStream(); // swallows a leading byte order mark
  for await (const text of response.body.pipeThrough(decoder)) yield* parser.feed(text);
}

class Parser {
  #rest = "";
  #sawReturn = false;
  #data = [];
  #event = "";
  #id = "";

  *feed(text) {
    if (this.#sawReturn && text.startsWith("\n")) text = text.slice(1); // CRLF, split between two chunks
    this.#sawReturn = text.endsWith("\r");
    const lines = (this.#rest + text).split(/\r\n|\r|\n/);
    this.#rest = lines.pop();
    for (const line of lines) {
      const event = this.#line(line);
      if (event !== null) yield event;
    }
  }

  #line(line) {
    if (line === "") return this.#dispatch();
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") this.#data.push(value);
    else if (field === "event") this.#event = value;
    else if (field === "id" && !value.includes("\0")) this.#id = value;
    return null; // comments have an empty field name
  }

  #dispatch() {
    const event = this.#data.length === 0 ? null : { event: this.#event || "message", id: this.#id, data: this.#data.join("\n") };
    this.#data = [];
    this.#event = "";
    return event;
  }
}
