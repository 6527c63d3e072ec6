// The report form. What was typed stays until the server has it on file.
import { Problem, reportCrime } from "./api.js";
import { el } from "./dom.js";
import { PhotoField } from "./photo.js";
import { caseNumber, onLanguage, severities, t } from "./i18n.js";

export class ReportForm {
  #form = document.getElementById("report-form");
  #button = document.getElementById("r-submit");
  #photo = new PhotoField();
  #refused = []; // field errors of the last attempt, to be said again in another language
  #done = null;
  #trouble = null;
  #sending = false;

  constructor(onFiled) {
    this.onFiled = onFiled;
    this.#drawSeverities();
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    this.#form.addEventListener("input", (event) => {
      this.#refused = this.#refused.filter((wrong) => wrong.field !== event.target.name);
      this.#done = null;
      this.#draw();
    });
    onLanguage(() => {
      this.#drawSeverities();
      this.#draw();
    });
    this.#draw();
  }

  async #send() {
    if (this.#sending) return;
    this.#done = this.#trouble = null;
    this.#refused = this.#check();
    if (this.#refused.length > 0) {
      this.#count();
      this.#draw();
      this.#focusFirstWrong();
      return;
    }
    this.#sending = true;
    this.#draw();
    try {
      const crime = await reportCrime(new FormData(this.#form));
      const reporter = this.#form.elements.reporter.value;
      this.#form.reset();
      this.#photo.show();
      this.#form.elements.reporter.value = reporter; // the same person may have seen more
      this.#done = () => t("report.done", { id: caseNumber(crime.id) });
      this.onFiled(crime);
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#sending = false;
      this.#draw();
    }
    if (this.#refused.length > 0) this.#focusFirstWrong();
  }

  /** Finds what the server would refuse for certain, to spare the way there; its word is the last. */
  #check() {
    const wrong = [];
    for (const field of this.#form.querySelectorAll("[data-field]")) {
      const control = field.querySelector("input, select, textarea");
      const max = Number(control.dataset.max ?? Infinity);
      const name = field.dataset.field;
      const value = this.#form.elements[name].value.trim();
      if (control.required && value === "") wrong.push({ field: name, code: "required" });
      else if ([...value].length > max) wrong.push({ field: name, code: "too_long", max });
    }
    if (this.#photo.tooLarge) wrong.push({ field: "photo", code: "too_large" });
    return wrong;
  }

  #fail(error) {
    if (!(error instanceof Problem)) throw error;
    this.#refused = error.fields;
    if (error.status === 0) this.#trouble = () => t("report.offline");
    else if (error.fields.length > 0) this.#count();
    else this.#trouble = () => t("report.failed", { detail: error.message });
  }

  #count() {
    this.#trouble = () => (this.#refused.length > 0 ? t("report.wrong", { n: this.#refused.length }) : "");
  }

  #focusFirstWrong() {
    const wrong = new Set(this.#refused.map((entry) => entry.field));
    [...this.#form.elements].find((control) => wrong.has(control.name))?.focus();
  }

  #draw() {
    for (const field of this.#form.querySelectorAll("[data-field]")) {
      const wrong = this.#refused.find((entry) => entry.field === field.dataset.field);
      field.classList.toggle("wrong", wrong !== undefined);
      field.querySelector(".error").textContent = wrong ? t(`error.${wrong.code}`, wrong) : "";
      for (const control of field.querySelectorAll("input, select, textarea")) {
        control.toggleAttribute("aria-invalid", false);
        if (wrong) control.setAttribute("aria-invalid", "true");
      }
    }
    const description = this.#form.elements.description;
    const left = Number(description.dataset.max) - [...description.value].length;
    document.getElementById("r-left").textContent = left <= 100 ? t("report.left", { n: left }) : "";
    document.getElementById("form-error").textContent = this.#trouble?.() ?? "";
    document.getElementById("form-done").textContent = this.#done?.() ?? "";
    this.#button.disabled = this.#sending;
    this.#button.textContent = t(this.#sending ? "report.sending" : "report.send");
  }

  #drawSeverities() {
    const chosen = this.#form.elements.severity?.value;
    document.getElementById("r-severity").replaceChildren(...severities.map((code) =>
      el("label", { class: code },
        el("input", { type: "radio", name: "severity", value: code, checked: code === chosen, required: true }),
        el("span", {}, t(`severity.${code}`)))));
  }
}
