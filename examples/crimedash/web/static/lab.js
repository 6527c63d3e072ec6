// The laboratory: an examination takes a while, and its progress comes as events. What is
// known of each crime is kept here, since the list draws its rows anew.
import { examine } from "./api.js";
import { el } from "./dom.js";
import { caseNumber, onLanguage, t } from "./i18n.js";

const states = new Map(); // of examinations, by crime: { percent, stage, finding, trouble }

/** Begins an examination, or follows the one under way. */
export async function begin(crime) {
  if (states.has(crime.id) && states.get(crime.id).finding === undefined && !states.get(crime.id).trouble) return;
  const { live } = await examine(crime.id);
  set(crime.id, { percent: 0, stage: "collect" });
  const source = new EventSource(live); // resumes by itself where it was cut
  source.addEventListener("lab_progress", ({ data }) => set(crime.id, JSON.parse(data)));
  source.addEventListener("lab_done", ({ data }) => {
    source.close();
    set(crime.id, JSON.parse(data));
  });
  source.addEventListener("lab_stopped", () => {
    source.close();
    set(crime.id, { percent: 0, trouble: true });
  });
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
  const text = `${t(`lab.stage.${stage}`)} ${percent}%`;
  const bar = box.querySelector("progress") ?? el("progress", { max: 100 });
  bar.value = percent;
  bar.setAttribute("aria-label", t("lab.label", { id: caseNumber(id) }));
  const words = box.querySelector(".stage") ?? el("span", { class: "stage" });
  words.textContent = text;
  if (bar.parentElement !== box) box.replaceChildren(bar, words);
}

onLanguage(() => {
  for (const box of document.querySelectorAll("[data-lab]")) fill(box);
});
