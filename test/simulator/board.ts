interface Waiting {
  readonly term: number;
  readonly answer: (value: unknown) => void;
}

/** Pieces that others may pull; who comes too early waits until the piece is here or the term moves on. */
export class Board {
  readonly #pieces = new Map<string, { readonly item: number; readonly value: unknown }>();
  #waiting = new Map<string, Waiting[]>();
  #term = 0;
  #before = 0;

  put(item: number, name: string, value: unknown): void {
    this.#pieces.set(name, { item, value });
    for (const { answer } of this.#waiting.get(name) ?? []) answer(value);
    this.#waiting.delete(name);
  }

  pull(term: number, item: number, name: string, answer: Waiting['answer']): void {
    const piece = this.#pieces.get(name);
    if (term < this.#term) answer(new Error('stale term'));
    else if (piece) answer(piece.value);
    else if (item < this.#before) answer(new Error('dropped'));
    else this.#waiting.set(name, [...(this.#waiting.get(name) ?? []), { term, answer }]);
  }

  termIs(term: number): void {
    if (term <= this.#term) return;
    this.#term = term;
    this.#abort((waiting) => waiting.term < term);
  }

  drop(before: number): void {
    this.#before = before;
    for (const [name, { item }] of this.#pieces) if (item < before) this.#pieces.delete(name);
  }

  clear(): void {
    this.#pieces.clear();
    this.#before = 0;
    this.#term = 0;
    this.#abort(() => true);
  }

  #abort(which: (waiting: Waiting) => boolean): void {
    const before = this.#waiting;
    this.#waiting = new Map();
    for (const [name, all] of before) {
      this.#waiting.set(
        name,
        all.filter((waiting) => !which(waiting)),
      );
      for (const waiting of all) if (which(waiting)) waiting.answer(new Error('the term moved on'));
    }
  }
}
