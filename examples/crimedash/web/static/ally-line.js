// What a line looks like, in the panel and on the wall.
import { clock, dateTime, t } from "./i18n.js";
import { el } from "./dom.js";

const known = ["Batman", "Gordon", "Robin", "Oracle", "Alfred"];

/** The colour of a name, by its class: the allies have their own. */
export function tint(who) {
  const ally = known.find((name) => who.split(" ").includes(name));
  if (ally) return `ally-${ally.toLowerCase()}`;
  let sum = 0;
  for (const c of who) sum = (sum * 31 + c.codePointAt(0)) % 997;
  return `ally-${sum % 6}`;
}

/** A line as an item of a list. */
export function lineItem({ id, who, sworn, text, at }, extra = "") {
  const time = new Date(at);
  return el("li", { class: `ally-line ${tint(who)} ${extra}`, data: { id } },
    el("p", { class: "head" },
      el("strong", { class: "ally" }, who),
      sworn ? el("span", { class: "sworn", role: "img", title: t("allies.sworn"), "aria-label": t("allies.sworn") }, "✓") : null, " ",
      el("time", { dateTime: at, title: dateTime(time) }, clock(time))),
    el("p", { class: "said", dir: "auto" }, text));
}
