// The buttons of a case, for those who have a badge. What they did comes back live, as it
// does to everybody else.
import { Problem, removeCrime, setStatus } from "./api.js";
import { el } from "./dom.js";
import { caseNumber, t } from "./i18n.js";
import { begin } from "./lab.js";

const next = { open: ["responding", "closed"], responding: ["closed", "open"], closed: ["open"] };
const sureFor = 4_000; // how long a second press removes

/** The buttons for a crime, or null if this user has none: members have at least one. */
export function acts(crime, session) {
  if (session.name === "") return null;
  const mayMove = session.may("crimes:status");
  const mayRemove = session.may("crimes:delete");
  const box = el("div", { class: "acts" });
  const answer = el("span", { class: "said-no", role: "alert" });
  const act = async (call) => {
    const buttons = box.querySelectorAll("button");
    answer.textContent = "";
    for (const button of buttons) button.setAttribute("aria-disabled", "true"); // disabled ones lose the focus
    try {
      await call();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      answer.textContent = refusal(error);
      if (error.status === 401) session.load();
    } finally {
      for (const button of buttons) button.removeAttribute("aria-disabled");
    }
  };
  if (mayMove) {
    for (const status of next[crime.status] ?? []) {
      box.append(button(`act.${status}`, crime, () => act(() => setStatus(crime.id, status))));
    }
  }
  box.append(button("act.examine", crime, () => act(() => begin(crime))));
  if (mayRemove) box.append(removal(crime, act));
  box.append(answer);
  return box;
}

// removal wants to be pressed twice: there is no way back.
function removal(crime, act) {
  let sure = 0;
  const remove = button("act.remove", crime, () => {
    if (sure !== 0) {
      act(() => removeCrime(crime.id));
      return;
    }
    label(remove, "act.sure", crime);
    remove.classList.add("sure");
    sure = setTimeout(() => {
      sure = 0;
      label(remove, "act.remove", crime);
      remove.classList.remove("sure");
    }, sureFor);
  });
  return remove;
}

function button(key, crime, onPress) {
  const made = el("button", { type: "button", class: "button small" });
  made.addEventListener("click", () => made.getAttribute("aria-disabled") !== "true" && onPress());
  label(made, key, crime);
  made.dataset.act = key.slice("act.".length);
  return made;
}

function label(made, key, crime) {
  made.textContent = t(key);
  made.setAttribute("aria-label", t("act.label", { act: t(key), id: caseNumber(crime.id) }));
}

function refusal({ status, message }) {
  if (status === 0) return t("act.offline");
  if (status === 401) return t("act.loggedOut");
  return t("act.refused", { detail: message });
}
