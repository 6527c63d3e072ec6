// Who looks at this page, and what the masthead and the feed show of that. The server
// asks again whatever is pressed.
import { Problem, whoAmI } from "./api.js";
import { onLanguage, t } from "./i18n.js";

export class Session extends EventTarget {
  #user = { name: "", scopes: [] };
  #name = document.getElementById("who-name");
  #logIn = document.getElementById("log-in");
  #logOut = document.getElementById("log-out");
  #export = document.getElementById("export");

  constructor(filters) {
    super();
    this.filters = filters;
    filters.addEventListener("change", () => this.#draw());
    onLanguage(() => this.#draw());
    this.#draw();
    this.load();
  }

  /** Whether the user has the scope. */
  may(scope) {
    return (this.#user.scopes ?? []).includes(scope);
  }

  async load() {
    try {
      this.#user = await whoAmI();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      return; // out of reach: as before
    }
    this.#draw();
    this.dispatchEvent(new Event("change"));
  }

  #draw() {
    const somebody = this.#user.name !== "";
    this.#name.hidden = !somebody;
    this.#name.textContent = somebody ? this.#user.full : "";
    this.#name.title = somebody ? t("who.as", this.#user) : "";
    this.#logIn.hidden = somebody;
    this.#logOut.hidden = !somebody;
    this.#export.hidden = !somebody;
    this.#logIn.href = `/login?next=${encodeURIComponent(location.pathname + location.search)}`;
    const query = new URLSearchParams(Object.entries(this.filters.value).filter(([, value]) => value !== "")).toString();
    this.#export.href = query ? `/api/crimes.csv?${query}` : "/api/crimes.csv";
  }
}
