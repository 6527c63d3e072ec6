// The photo of a report: what was chosen is shown before it is sent.
export class PhotoField {
  #input = document.getElementById("r-photo");
  #preview = document.getElementById("r-preview");
  #image = document.getElementById("r-preview-image");

  constructor() {
    this.#input.addEventListener("change", () => this.show());
    document.getElementById("r-photo-clear").addEventListener("click", () => {
      this.#input.value = "";
      this.#input.dispatchEvent(new Event("input", { bubbles: true })); // what was wrong with it is not any more
      this.show();
      this.#input.focus();
    });
    this.#image.addEventListener("error", () => (this.#preview.hidden = true)); // no picture: the server will say so
  }

  /** Whether the server would refuse it for its size. */
  get tooLarge() {
    return (this.#input.files[0]?.size ?? 0) > Number(this.#input.dataset.maxBytes);
  }

  /** Shows what is chosen now. */
  show() {
    if (this.#image.src !== "") URL.revokeObjectURL(this.#image.src);
    const file = this.#input.files[0];
    this.#preview.hidden = file === undefined;
    if (file === undefined) this.#image.removeAttribute("src");
    else this.#image.src = URL.createObjectURL(file);
  }
}
