import type { EarlyStoppingSpec } from '@lockstep/core/internal';

/** Counts evaluations without a better value. Its state is part of a checkpoint, so that a resumed run stops at the same step. */
export class EarlyStopping {
  readonly #spec: EarlyStoppingSpec;
  #best: number;
  #without = 0;

  /** @param counters `[best, evaluations without a better value]` of a checkpoint */
  constructor(spec: EarlyStoppingSpec, counters?: readonly number[]) {
    this.#spec = spec;
    const worst = spec.mode === 'min' ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
    this.#best = counters?.[2] === 1 ? (counters[0] as number) : worst;
    this.#without = counters?.[1] ?? 0;
  }

  /** A value that is not a number is never better. */
  evaluated(metrics: Readonly<Record<string, number>>): void {
    const { monitor, mode, minDelta } = this.#spec;
    const value = metrics[monitor] as number;
    const gain = mode === 'min' ? this.#best - value : value - this.#best;
    if (gain > minDelta) {
      this.#best = value;
      this.#without = 0;
    } else this.#without++;
  }

  get stop(): boolean {
    return this.#without >= this.#spec.patience;
  }

  /** Finite numbers only: the last says whether there is a best value yet. */
  get counters(): readonly number[] {
    return Number.isFinite(this.#best) ? [this.#best, this.#without, 1] : [0, this.#without, 0];
  }
}
