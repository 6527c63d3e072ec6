// Who looks at this page, and what the masthead shows of that. The server asks again
// whatever is pressed.
import { Problem, whoAmI } from "./api.js";
import { onLanguage, t } from "./i18n.js";

export class Session extends EventTarget {
  #user = null; // until the server has said so: as it drew the page
  #name = document.getElementById("who-name");
  #logIn = document.getElementById("log-in");
  #logOut = document.getElementById("log-out");

  constructor() {
    super();
    onLanguage(() => this.#draw());
    // Where it leads back to is where the reader is then, filters and all.
    this.#logIn.addEventListener("click", () => {
      this.#logIn.href = `/login?next=${encodeURIComponent(location.pathname + location.search)}`;
    });
    this.load();
  }

  /** The name of the user, "" for nobody. */
  get name() {
    return this.#user?.name ?? "";
  }

  /** Whether the user has the scope. */
  may(scope) {
    return this.#user?.scopes.includes(scope) ?? false;
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
    if (this.#user === null) return;
    const somebody = this.#user.name !== "";
    this.#name.hidden = !somebody;
    this.#name.textContent = somebody ? this.#user.full : "";
    this.#name.title = somebody ? t("who.as", this.#user) : "";
    this.#logIn.hidden = somebody;
    this.#logOut.hidden = !somebody;
  }
}
