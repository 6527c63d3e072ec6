// The two switches in the masthead: theme and language. Both are remembered.
import { language, onLanguage, setLanguage, t, translate } from "./i18n.js";

export function initPreferences() {
  const languageButton = document.getElementById("language");
  const themeButton = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: light)");

  const show = () => {
    languageButton.textContent = t("language.other");
    languageButton.lang = language() === "zh" ? "en" : "zh-Hans";
    const target = theme() === "light" ? "theme.toDark" : "theme.toLight";
    themeButton.textContent = t(target);
    themeButton.setAttribute("aria-label", t(`${target}.label`));
  };

  languageButton.addEventListener("click", () => {
    const next = language() === "zh" ? "en" : "zh";
    remember("language", next);
    setLanguage(next);
  });
  themeButton.addEventListener("click", () => {
    const next = theme() === "light" ? "dark" : "light";
    document.documentElement.dataset.theme = next;
    remember("theme", next);
    show();
  });
  system.addEventListener("change", show);
  onLanguage(show);
  translate(document);
  show();

  function theme() {
    return document.documentElement.dataset.theme ?? (system.matches ? "light" : "dark");
  }
}

function remember(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    // Forbidden storage only costs the memory of the choice.
  }
}
