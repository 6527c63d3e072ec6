// Runs before the first paint, so that nobody sees the wrong theme flash by
// and a screen reader starts in the right voice. Everything else is a module.
(function () {
  "use strict";
  let theme = null;
  let language = null;
  try {
    theme = localStorage.getItem("theme");
    language = localStorage.getItem("language");
  } catch {
    // Storage may be forbidden; the defaults serve.
  }
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  if (language !== "en" && language !== "zh") {
    language = (navigator.language || "en").toLowerCase().startsWith("zh") ? "zh" : "en";
  }
  document.documentElement.lang = language === "zh" ? "zh-Hans" : "en";
})();
