// The reader's language: texts, numbers and times.
import en from "./lang/en.js";
import zh from "./lang/zh.js";

const dictionaries = { en, zh };
const listeners = [];

export const kinds = ["robbery", "burglary", "assault", "arson", "smuggling", "fraud", "vandalism", "kidnapping", "sabotage", "riddle"];
export const severities = ["low", "medium", "high", "critical"];
export const districts = Array.from({ length: 10 }, (_, i) => String(i + 1));

export function language() {
  return document.documentElement.lang.startsWith("zh") ? "zh" : "en";
}

/** The text of key with its parameters filled in. An unknown key is shown as it is, to be noticed. */
export function t(key, parameters = {}) {
  const entry = dictionaries[language()][key] ?? en[key] ?? key;
  return typeof entry === "function" ? entry(parameters) : entry;
}

/** Calls back after each change of language. */
export function onLanguage(listener) {
  listeners.push(listener);
}

export function setLanguage(code) {
  document.documentElement.lang = code === "zh" ? "zh-Hans" : "en";
  translate(document);
  for (const listener of listeners) listener();
}

/** Fills every marked element below root: its text, with its data as parameters, label, placeholder and options. */
export function translate(root) {
  for (const element of root.querySelectorAll("[data-i18n]")) element.textContent = t(element.dataset.i18n, element.dataset);
  for (const element of root.querySelectorAll("[data-i18n-label]")) element.setAttribute("aria-label", t(element.dataset.i18nLabel));
  for (const element of root.querySelectorAll("[data-i18n-alt]")) element.alt = t(element.dataset.i18nAlt);
  for (const element of root.querySelectorAll("[data-i18n-placeholder]")) element.placeholder = t(element.dataset.i18nPlaceholder);
  for (const select of root.querySelectorAll("select[data-options]")) fill(select);
}

function fill(select) {
  const chosen = select.value;
  const codes = { kind: kinds, severity: severities, district: districts }[select.dataset.options];
  const options = codes.map((code) => new Option(t(`${select.dataset.options}.${code}`), code));
  select.replaceChildren(new Option(t(select.dataset.any), ""), ...options);
  select.value = chosen;
}

const locale = () => (language() === "zh" ? "zh-CN" : "en-GB");

export function number(n) {
  return new Intl.NumberFormat(locale()).format(n);
}

/** How a crime is referred to: numbers in a row as they are, and the long ones that nodes give shortened. */
export function caseNumber(id) {
  if (id < 2 ** 32) return String(id);
  const code = id.toString(36).toUpperCase();
  return `${code.slice(0, -5)}-${code.slice(-5)}`;
}

/** Hours and minutes on the reader's clock; with seconds if wanted. */
export function clock(date, seconds = false) {
  return new Intl.DateTimeFormat(locale(), {
    hour: "2-digit", minute: "2-digit", second: seconds ? "2-digit" : undefined, hourCycle: "h23",
  }).format(date);
}

/** Day and time, for titles. */
export function dateTime(date) {
  return new Intl.DateTimeFormat(locale(), { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" }).format(date);
}

/** "3 minutes ago". Clocks that disagree must not put a crime into the future. */
export function ago(date, now = Date.now()) {
  const seconds = Math.max(0, Math.round((now - date) / 1000));
  const format = new Intl.RelativeTimeFormat(locale(), { numeric: "auto" });
  if (seconds < 60) return format.format(-seconds, "second");
  if (seconds < 3600) return format.format(-Math.floor(seconds / 60), "minute");
  if (seconds < 86400) return format.format(-Math.floor(seconds / 3600), "hour");
  return format.format(-Math.floor(seconds / 86400), "day");
}
