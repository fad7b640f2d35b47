/** Steps are computed ahead of what the engine has seen by about this long: longer and a run would not end soon when told to. */
const aheadMs = 5;
/** Slow steps: one is computed, one waits, one is filled. */
const fewest = 3;
/** Events of the engine's thread (the order to stop, the journal's writes) are looked after this often at least. */
const breathMs = 5;

/**
 * How far the engine goes ahead of the threads, and how many answers it takes at a time. Steps that take milliseconds are answered one by
 * one; of steps that take microseconds it fills half a ring whenever it wakes, since waking costs more than they do.
 */
export class Pace {
  readonly #capacity: number;
  readonly #now: () => number;
  #lastMs: number;
  #breathedMs: number;
  #stepMs = Number.POSITIVE_INFINITY;

  constructor(capacity: number, now: () => number = () => performance.now()) {
    this.#capacity = capacity;
    this.#now = now;
    this.#lastMs = now();
    this.#breathedMs = this.#lastMs;
  }

  /** Slots that may be in flight. */
  get depth(): number {
    return Math.min(this.#capacity, Math.max(fewest, Math.floor(aheadMs / this.#stepMs)));
  }

  /** Answers to wait for while `inFlight` slots are: half of them, or one where steps are slow. */
  wanted(inFlight: number): number {
    return this.depth > fewest ? Math.max(1, inFlight >> 1) : 1;
  }

  /** So many answers came. */
  answered(count: number): void {
    const nowMs = this.#now();
    const stepMs = (nowMs - this.#lastMs) / count;
    // Slower counts at once; faster has to last, since answers that came while the engine was busy say little.
    this.#stepMs =
      stepMs > this.#stepMs || this.#stepMs === Number.POSITIVE_INFINITY ? stepMs : (this.#stepMs * 3 + stepMs) / 4;
    this.#lastMs = nowMs;
  }

  /** Whether the engine has kept its thread's event loop waiting for long; asks to be told `breathed` when it has not. */
  get breathless(): boolean {
    return this.#lastMs - this.#breathedMs > breathMs;
  }

  breathed(): void {
    this.#breathedMs = this.#now();
  }
}
