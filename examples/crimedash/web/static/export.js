// The link to the list as a file: for members, with the filters that are set.
export class ExportLink {
  #link = document.getElementById("export");

  constructor(filters, session) {
    this.filters = filters;
    this.session = session;
    filters.addEventListener("change", () => this.#draw());
    session.addEventListener("change", () => this.#draw());
    this.#draw();
  }

  #draw() {
    const query = new URLSearchParams(Object.entries(this.filters.value).filter(([, value]) => value !== "")).toString();
    this.#link.href = query ? `/api/crimes.csv?${query}` : "/api/crimes.csv";
    this.#link.hidden = this.session.name === "";
  }
}
