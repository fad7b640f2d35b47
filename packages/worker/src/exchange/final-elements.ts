export interface Elements {
  readonly from: number;
  readonly to: number;
}

/** Which elements of a vector are final: intervals that grow together, in any order. */
export class FinalElements {
  #intervals: readonly Elements[];

  /** @param elements from the start on that are final already */
  constructor(elements: number) {
    this.#intervals = [{ from: 0, to: elements }];
  }

  add(elements: Elements): void {
    const joined: { from: number; to: number }[] = [];
    for (const { from, to } of [...this.#intervals, elements].sort((a, b) => a.from - b.from)) {
      const last = joined.at(-1);
      if (last && from <= last.to) last.to = Math.max(last.to, to);
      else joined.push({ from, to });
    }
    this.#intervals = joined;
  }

  /** Up to where everything is final, from element `first` on. */
  reach(first: number): number {
    return Math.max(first, this.#intervals.find(({ from, to }) => from <= first && first < to)?.to ?? first);
  }
}
