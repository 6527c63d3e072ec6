// Gotham from above: the warmer a district, the more was reported there. It says what the
// bars below it say, for those who see it; keyboards and screen readers have the bars.
import { svg } from "./dom.js";
import { number, t } from "./i18n.js";

const size = "0 0 360 296";
const hottest = 55; // percent: figures have to be read on it

// The shores of the districts, by their number, and where their figure stands.
const districts = {
  6: { shore: "44,26 118,14 128,62 96,86 36,72", at: [84, 50] },
  7: { shore: "123,14 208,18 228,60 200,86 133,64", at: [178, 46] },
  9: { shore: "240,30 312,24 332,74 266,92 240,66", at: [288, 56] },
  5: { shore: "30,104 118,100 122,158 84,178 22,160", at: [76, 136] },
  8: { shore: "123,100 192,106 198,156 127,158", at: [160, 130] },
  2: { shore: "197,106 268,102 276,150 203,156", at: [236, 128] },
  4: { shore: "273,102 334,98 344,166 300,186 281,151", at: [310, 138] },
  3: { shore: "152,174 214,170 224,194 196,206 160,202", at: [188, 189] },
  1: { shore: "54,200 136,206 152,220 232,218 240,262 152,284 70,264", at: [146, 247] },
  10: { shore: "246,212 314,204 332,238 290,284 246,262", at: [286, 242] },
};
const bridges = ["80,82 76,106", "170,74 160,104", "250,84 234,106", "214,44 246,50", "300,84 304,104", "166,156 172,176", "220,184 262,216", "80,172 90,206", "206,200 204,222", "300,180 286,212"];

export class CityMap {
  #root = document.getElementById("city-map");
  #areas = new Map(); // by number: { area, figure, title }

  /** choose is called with the number of a district that was clicked. */
  constructor(choose) {
    const map = svg("svg", { viewBox: size });
    for (const points of bridges) map.append(svg("polyline", { class: "bridge", points }));
    for (const [code, { shore, at: [x, y] }] of Object.entries(districts)) {
      const title = svg("title");
      const area = svg("polygon", { points: shore }, title);
      const figure = svg("text", { x, y });
      const group = svg("g", { class: "area", "data-district": code }, area, svg("circle", { class: "ring", cx: x, cy: y, r: 10 }), figure);
      group.addEventListener("click", () => choose(code));
      this.#areas.set(code, { group, figure, title });
      map.append(group);
    }
    this.#root.replaceChildren(map);
  }

  /** Draws the figures of the districts, and which of them is chosen. */
  draw(counts, chosen) {
    const most = Math.max(1, ...counts.map(({ total }) => total));
    for (const { district, total } of counts) {
      const { group, figure, title } = this.#areas.get(String(district));
      group.style.setProperty("--heat", `${Math.round((total / most) * hottest)}%`);
      group.classList.toggle("chosen", chosen === String(district));
      figure.textContent = number(total);
      title.textContent = `${t(`district.${district}`)}: ${number(total)}`;
    }
  }

  /** Shows that something has just happened in a district. */
  strike(district) {
    const { group } = this.#areas.get(String(district));
    group.classList.remove("struck");
    group.getBoundingClientRect(); // or the browser sees no change, and does not begin anew
    group.classList.add("struck");
  }
}
