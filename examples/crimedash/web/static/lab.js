// The laboratory: an examination takes a while, and its progress comes as events. What is
// known of each crime is kept here, since the list draws its rows anew.
import { examine } from "./api.js";
import { el } from "./dom.js";
import { caseNumber, onLanguage, t } from "./i18n.js";

const states = new Map(); // of examinations, by crime: { percent, stage, finding, trouble }
const silence = 15_000; // many steps: who worked on it has died

/** Begins an examination, or follows the one under way. */
export async function begin(crime) {
  const known = states.get(crime.id);
  if (known !== undefined && known.finding === undefined && !known.trouble) return;
  const { live } = await examine(crime.id);
  set(crime.id, { percent: 0, stage: "collect" });
  follow(crime.id, live);
}

// follow listens until the end. A page that is put aside, to be gone back to, lets go of
// the connection: browsers have few of them for one server.
function follow(id, live) {
  const ended = new AbortController();
  let source = null;
  let patience = 0;
  const close = () => {
    clearTimeout(patience);
    source.close();
  };
  const end = (state) => {
    close();
    ended.abort();
    set(id, state);
  };
  const lost = () => end({ percent: 0, trouble: true });
  const wait = () => {
    clearTimeout(patience);
    patience = setTimeout(() => source.readyState === EventSource.OPEN && lost(), silence);
  };
  const open = () => {
    source = new EventSource(live); // resumes by itself where it was cut
    source.addEventListener("open", wait);
    source.addEventListener("lab_progress", ({ data }) => {
      wait();
      set(id, JSON.parse(data));
    });
    source.addEventListener("lab_done", ({ data }) => end(JSON.parse(data)));
    source.addEventListener("lab_stopped", lost);
    source.addEventListener("sse.gap", lost); // of the server that worked on it nothing is left
    source.addEventListener("error", () => source.readyState === EventSource.CLOSED && lost());
  };
  addEventListener("pagehide", close, { signal: ended.signal });
  addEventListener("pageshow", ({ persisted }) => persisted && open(), { signal: ended.signal });
  open();
}

/** What is known of a crime: a bar, a result, or null. */
export function progress(crime) {
  if (!states.has(crime.id)) return null;
  const box = el("div", { class: "lab", data: { lab: crime.id }, role: "status" });
  fill(box);
  return box;
}

function set(id, state) {
  states.set(id, state);
  const box = document.querySelector(`[data-lab="${id}"]`);
  if (box !== null) fill(box);
  else document.querySelector(`#crimes li[data-id="${id}"] .meta`)?.after(progress({ id }));
}

function fill(box) {
  const id = Number(box.dataset.lab);
  const { percent, stage, finding, trouble } = states.get(id);
  if (trouble) return box.replaceChildren(t("lab.stopped"));
  if (finding !== undefined) return box.replaceChildren(el("strong", {}, t("lab.done")), " ", t(`lab.finding.${finding}`));
  if (box.querySelector("progress") === null) {
    // A screen reader says each stage, and is spared the percentages.
    box.replaceChildren(el("progress", { max: 100 }), el("span", { class: "stage" }), el("span", { class: "percent", "aria-hidden": "true" }));
  }
  const [bar, words, figure] = box.children;
  bar.value = percent;
  bar.setAttribute("aria-label", t("lab.label", { id: caseNumber(id) }));
  const text = t(`lab.stage.${stage}`);
  if (words.textContent !== text) words.textContent = text;
  figure.textContent = `${percent}%`;
}

onLanguage(() => {
  for (const box of document.querySelectorAll("[data-lab]")) fill(box);
});
