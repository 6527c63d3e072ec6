import { h, coloured, pretty } from "./dom.js";
import { base64url } from "./request.js";

const limit = 500; // messages that stay on the page

// socketConsole connects, and shows what comes and goes.
export function socketConsole(model, operation, request, out, control) {
  const url = request.url.replace(/^http/, "ws");
  const protocols = [...(operation.socket.protocols ?? [])];
  if (request.bearer) protocols.push("bearer." + base64url(request.bearer)); // a browser can set no header
  const state = h("span", { class: "note", role: "status" }, "Connecting …");
  const stop = h("button", { type: "button", class: "stop", onclick: () => control.abort() }, "Close");
  const list = h("ol", { class: "events", "aria-label": "Messages", tabindex: "0" });
  const first = operation.socket.receives ? JSON.stringify(model.example(operation.socket.receives), null, 2) : "";
  const area = h("textarea", { class: "editor", rows: String(Math.max(2, first.split("\n").length)), "aria-label": "Message", spellcheck: "false" });
  area.value = first;
  const send = h("button", { type: "submit", class: "send", disabled: true }, "Send");
  const form = h("form", { class: "speak" }, area, h("div", { class: "actions" }, send, h("span", { class: "hint" }, "Ctrl + Enter")));
  out.replaceChildren(h("div", { class: "result" }, state, h("span", { class: "grow" }), stop), list, form);

  const show = (direction, data) => {
    const text = typeof data === "string" ? pretty(data) ?? data : `${data.size ?? data.byteLength} bytes`;
    list.append(h("li", { class: direction }, h("div", { class: "row" }, h("span", { class: "tag" + (direction === "in" ? " live" : "") }, direction === "in" ? "received" : "sent"),
      h("span", { class: "grow" }), h("time", { class: "note" }, new Date().toLocaleTimeString())), h("pre", {}, typeof data === "string" ? coloured(text) : text)));
    while (list.children.length > limit) list.firstChild.remove();
    list.scrollTop = list.scrollHeight;
  };
  let socket;
  try {
    socket = new WebSocket(url, protocols);
  } catch (e) {
    state.textContent = e.message;
    return;
  }
  control.signal.addEventListener("abort", () => socket.close(1000));
  socket.onopen = () => {
    state.textContent = "Open" + (socket.protocol ? `, ${socket.protocol}` : "");
    send.disabled = false;
    area.focus();
  };
  socket.onmessage = (e) => show("in", e.data);
  socket.onclose = (e) => {
    state.textContent = `Closed: ${e.code}${e.reason ? " " + e.reason : ""}`;
    send.disabled = true;
    stop.remove();
  };
  form.addEventListener("submit", (e) => {
    e.preventDefault();
    socket.send(area.value);
    show("out", area.value);
  });
  area.addEventListener("keydown", (e) => {
    if (e.key === "Enter" && (e.ctrlKey || e.metaKey) && !send.disabled) {
      e.preventDefault();
      form.requestSubmit();
    }
  });
}
