/** Loss and metrics from their sums and weights, which lie in turn. 0 / 0 is NaN: nothing was counted. */
export function metricsOf(names: readonly string[], statistics: ArrayLike<number>): Record<string, number> {
  return Object.fromEntries(
    names.map((name, i) => [name, (statistics[2 * i] as number) / (statistics[2 * i + 1] as number)]),
  );
}

/** Means over many batches: sums in double precision, in the order of the steps. */
export class MetricSums {
  readonly #names: readonly string[];
  readonly #sums: Float64Array;

  constructor(names: readonly string[]) {
    this.#names = names;
    this.#sums = new Float64Array(names.length * 2);
  }

  add(statistics: ArrayLike<number>): void {
    for (let i = 0; i < this.#sums.length; i++) this.#sums[i] = (this.#sums[i] as number) + (statistics[i] as number);
  }

  /** The means so far; starts over. */
  take(): Record<string, number> {
    const metrics = metricsOf(this.#names, this.#sums);
    this.#sums.fill(0);
    return metrics;
  }
}
