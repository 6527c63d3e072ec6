import { h, $ } from "./dom.js";
import { link, markdown } from "./markdown.js";
import { Model } from "./model.js";
import { operationView, pathParts } from "./operation.js";
import { stopAll } from "./tryit.js";

const root = document.documentElement;
// The page knows where it is by itself: a proxy, or another program, may have put
// anything in front of its path.
const base = new URL(root.dataset.base, location.href).href;
const address = new URL(root.dataset.document + ".json", location.href).href;

start().catch((e) => $("#main").replaceChildren(h("p", { class: "problem" }, `The document cannot be shown: ${e.message}`)));

async function start() {
  theme();
  const reply = await fetch(address, { credentials: "same-origin" });
  if (!reply.ok) throw new Error(`status ${reply.status} for ${address}`);
  const model = new Model(await reply.json(), address);
  const info = model.document.info ?? {};
  document.title = info.title ?? "API";
  $("#home").textContent = info.title ?? "API";
  $("#version").textContent = info.version ?? "";
  const links = sidebar(model);
  keyboard();

  const show = () => {
    stopAll();
    const id = wanted();
    const operation = model.operations.find((o) => o.id === id);
    for (const [other, a] of links) {
      if (other === id) a.setAttribute("aria-current", "page");
      else a.removeAttribute("aria-current");
    }
    const main = $("#main");
    main.replaceChildren(operation ? operationView(model, operation, base) : overview(model, info));
    document.title = (operation ? (operation.summary || operation.path) + " · " : "") + (info.title ?? "API");
    menu(false);
    scrollTo(0, 0);
    links.get(id)?.scrollIntoView({ block: "nearest" });
    return main;
  };
  addEventListener("hashchange", () => {
    if (location.hash === "#main") return;
    show().focus({ preventScroll: true });
  });
  $(".skip").addEventListener("click", (e) => {
    e.preventDefault();
    $("#main").focus();
  });
  show();
  root.dataset.ready = "true";
}

// wanted is the id of the operation in the address, which anybody may have written.
function wanted() {
  const id = location.hash.replace(/^#\/?/, "");
  try {
    return decodeURIComponent(id);
  } catch {
    return id;
  }
}

const href = (o) => "#/" + encodeURIComponent(o.id);

function chip(o) {
  return h("span", { class: `method ${o.socket ? "ws" : o.method.toLowerCase()}` }, o.socket ? "WS" : o.method === "DELETE" ? "DEL" : o.method);
}

function sidebar(model) {
  const links = new Map();
  const groups = model.groups().map((g) => {
    const items = g.operations.map((o) => {
      const a = h("a", { href: href(o), class: o.deprecated ? "old" : undefined, title: `${o.method} ${o.path}` }, chip(o), h("span", { class: "what" }, o.summary || o.path));
      links.set(o.id, a);
      return { item: h("li", {}, a), text: `${o.method} ${o.path} ${o.summary ?? ""} ${o.id} ${g.name} ${o.description ?? ""}`.toLowerCase() };
    });
    return { items, box: h("section", {}, h("h2", {}, g.name), h("ul", {}, items.map((i) => i.item))) };
  });
  const nothing = h("p", { class: "note", hidden: true, role: "status" }, "Nothing is like that.");
  $("#list").replaceChildren(...groups.map((g) => g.box), nothing);
  const search = $("#search");
  search.addEventListener("input", () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let any = false;
    for (const g of groups) {
      let some = false;
      for (const i of g.items) {
        i.item.hidden = !words.every((w) => i.text.includes(w));
        some ||= !i.item.hidden;
      }
      g.box.hidden = !some;
      any ||= some;
    }
    nothing.hidden = any;
  });
  search.addEventListener("keydown", (e) => {
    if (e.key === "Enter") $("#list li:not([hidden]) a")?.click();
    if (e.key === "Escape") {
      search.value = "";
      search.dispatchEvent(new Event("input"));
    }
  });
  return links;
}

function keyboard() {
  addEventListener("keydown", (e) => {
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement?.tagName ?? "");
    if (e.key === "/" && !typing && !e.ctrlKey && !e.metaKey && !e.altKey) {
      e.preventDefault();
      menu(true);
      $("#search").focus();
    }
    if (e.key === "Escape") menu(false);
  });
  $("#menu").addEventListener("click", () => menu($("#menu").getAttribute("aria-expanded") !== "true"));
  $("#list").addEventListener("keydown", (e) => {
    if (e.key !== "ArrowDown" && e.key !== "ArrowUp") return;
    const all = [...document.querySelectorAll("#list li:not([hidden]) a")];
    const next = all[all.indexOf(document.activeElement) + (e.key === "ArrowDown" ? 1 : -1)];
    if (next) {
      e.preventDefault();
      next.focus();
    }
  });
}

function menu(open) {
  $("#menu").setAttribute("aria-expanded", String(open));
  root.classList.toggle("menu", open);
}

function theme() {
  const button = $("#theme");
  const keep = (value) => { try { localStorage.setItem("docs:theme", value); } catch {} };
  const kept = () => { try { return localStorage.getItem("docs:theme"); } catch { return null; } };
  if (kept()) root.dataset.theme = kept();
  button.addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    keep(root.dataset.theme);
  });
}

function overview(model, info) {
  return h("article", { class: "overview" },
    h("header", {},
      h("h1", {}, info.title ?? "API"),
      info.summary && h("p", { class: "lead" }, info.summary),
      info.description && markdown(info.description),
      h("p", { class: "note facts" }, [
        info.version && `Version ${info.version}`, `OpenAPI ${model.document.openapi}`,
        info.license?.name && (info.license.url ? link(info.license.url, info.license.name) : info.license.name),
        info.contact?.email && link("mailto:" + info.contact.email, info.contact.name || info.contact.email),
        info.contact?.url && !info.contact.email && link(info.contact.url, info.contact.name || info.contact.url),
        info.termsOfService && link(info.termsOfService, "Terms"),
      ].filter(Boolean).map((f) => h("span", {}, f))),
    ),
    model.groups().map((g) => h("section", {},
      h("h2", {}, g.name),
      g.description && markdown(g.description),
      h("ul", { class: "operations" }, g.operations.map((o) => h("li", {}, h("a", { href: href(o), class: o.deprecated ? "old" : undefined },
        chip(o), h("code", { class: "path" }, pathParts(o.path)), h("span", { class: "what" }, o.summary ?? ""),
        model.itemOf(o) && h("span", { class: "tag live" }, "stream"))))))),
    model.operations.length === 0 && h("p", { class: "note" }, "No operation is described yet."),
  );
}
