/** The first wait before dialling again, in milliseconds: a coordinator that is restarted at once is found at once. */
const firstMs = 200;
/** The longest wait, in milliseconds: one dial in ten seconds is no load, and a resumed coordinator has its workers soon. */
const longestMs = 10_000;

/** Waits that double, with jitter so that the workers of a lost coordinator do not all come in the same moment. */
export class BackOff {
  readonly #random: () => number;
  #attempts = 0;

  /** @param random uniform in [0, 1); seeded in tests. It decides when, never what. */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** Milliseconds until the next try: between half and all of the doubled wait. */
  next(): number {
    const ms = Math.min(longestMs, firstMs * 2 ** this.#attempts);
    this.#attempts++;
    return ms * (0.5 + this.#random() / 2);
  }

  reset(): void {
    this.#attempts = 0;
  }
}
