import { h, coloured, pretty } from "./dom.js";

const limit = 500; // events that stay on the page

// openStream shows events as they come. EventSource would do neither POST nor headers,
// so the stream is read here.
export async function openStream(reply, out, control, stop) {
  const list = h("ol", { class: "events", "aria-label": "Events", tabindex: "0" });
  const state = h("p", { class: "note", role: "status" }, "Open. No events yet.");
  out.append(state, list);
  let count = 0;
  const parser = new EventParser((event) => {
    count++;
    state.textContent = `Open. ${count} ${count === 1 ? "event" : "events"}.`;
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
    const text = pretty(event.data);
    list.append(h("li", {},
      h("div", { class: "row" }, h("span", { class: "tag live" }, event.type), event.id && h("span", { class: "note" }, `id ${event.id}`), h("span", { class: "grow" }),
        h("time", { class: "note" }, new Date().toLocaleTimeString())),
      h("pre", {}, text === null ? event.data : coloured(text))));
    while (list.children.length > limit) list.firstChild.remove();
    if (atEnd) list.scrollTop = list.scrollHeight;
  });
  const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
  let end = "The server has ended the stream.";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      parser.feed(value);
    }
  } catch (e) {
    end = control.signal.aborted ? "Stopped." : `The stream broke off: ${e.message}.`;
  }
  stop.remove();
  state.textContent = `${end} ${count} ${count === 1 ? "event" : "events"}.`;
}

// EventParser reads events as the HTML standard says (section 9.2.6).
export class EventParser {
  constructor(dispatch) {
    this.dispatch = dispatch;
    this.rest = "";
    this.data = [];
    this.type = "";
    this.id = "";
    this.begun = false;
  }

  feed(text) {
    if (!this.begun && text) {
      this.begun = true;
      text = text.replace(/^\uFEFF/, "");
    }
    this.rest += text;
    for (;;) {
      const m = /\r\n|\n|\r(?!$)/.exec(this.rest); // a CR at the end may have its LF in the next chunk
      if (!m) return;
      this.line(this.rest.slice(0, m.index));
      this.rest = this.rest.slice(m.index + m[0].length);
    }
  }

  line(line) {
    if (line === "") {
      if (this.data.length) this.dispatch({ type: this.type || "message", data: this.data.join("\n"), id: this.id });
      this.data = [];
      this.type = "";
      return;
    }
    const colon = line.indexOf(":");
    if (colon === 0) return; // a comment: a heartbeat
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "data") this.data.push(value);
    else if (name === "event") this.type = value;
    else if (name === "id" && !value.includes("\0")) this.id = value;
  }
}
