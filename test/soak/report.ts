import type { Crew } from './crew.ts';
import type { MemoryReport } from './memory.ts';

export interface SoakReport {
  readonly seed: number;
  readonly placement: string;
  readonly seconds: number;
  /** Finished steps of the run. */
  readonly steps: number;
  /** Steps that were computed again after a coordinator was killed. */
  readonly replayed: number;
  /** How often each torment happened, those that came to nothing left out. */
  readonly torments: Readonly<Record<string, number>>;
  /** The first step of each coordinator that went on with the run. */
  readonly resumedFrom: readonly number[];
  /** Effective training time: steps x the time of one where nothing happens, as a part of all time. */
  readonly ettr: number;
  readonly stepsPerSecond: number;
  /** From a torment to the next step, in milliseconds. */
  readonly recoveryMs: { readonly median: number; readonly longest: number };
  /** Undefined where none lived for long, and where the system does not tell. */
  readonly memoryMib: { readonly coordinator: MemoryReport | undefined; readonly worker: MemoryReport | undefined };
  /** Digest of the weights, and whether it and the journal are those of one undisturbed thread. */
  readonly digest: string;
  readonly same: boolean;
}

const sorted = (values: readonly number[]) => [...values].sort((a, b) => a - b);
const quantile = (values: readonly number[], q: number): number =>
  sorted(values)[Math.floor((values.length - 1) * q)] ?? 0;

/** Watches when steps are finished. */
export class StepClock {
  readonly #atMs: number[] = [];
  readonly #recoveries: number[] = [];
  #waiting: number[] = [];
  #seen = 0;

  /** To be called often. */
  look(crew: Crew): void {
    const { steps } = crew;
    if (steps === this.#seen) return;
    const nowMs = performance.now();
    for (; this.#seen < steps; this.#seen++) this.#atMs.push(nowMs);
    this.#recoveries.push(...this.#waiting.map((sinceMs) => nowMs - sinceMs));
    this.#waiting = [];
  }

  torment(): void {
    this.#waiting.push(performance.now());
  }

  get recoveryMs(): SoakReport['recoveryMs'] {
    return { median: quantile(this.#recoveries, 0.5), longest: quantile(this.#recoveries, 1) };
  }

  /** Of a step where nothing happens, in milliseconds: half of all tenths of a second with steps in them are at least so fast. */
  calmMs(): number {
    const perTenth = new Map<number, number>();
    for (const atMs of this.#atMs)
      perTenth.set(Math.floor(atMs / 100), (perTenth.get(Math.floor(atMs / 100)) ?? 0) + 1);
    return 100 / Math.max(1, quantile([...perTenth.values()], 0.5));
  }
}
