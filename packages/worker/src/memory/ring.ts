import { heal, poison } from '../barrier.ts';
import { controlBytes, controlWord } from '../control-block.ts';

/** While steps are slow, their events come no later than this. */
const longestWaitMs = 20;

/** The control block as it is seen from outside the compute threads: slots are handed over and answered in order. */
export class Ring {
  readonly #control: Int32Array;
  #filled = 0;

  constructor(buffer: ArrayBufferLike, control: number) {
    this.#control = new Int32Array(buffer, control, controlBytes / 4);
  }

  /** Slots handed over so far. */
  get filled(): number {
    return this.#filled;
  }

  /** Hands the next slot over; it is written before. */
  publish(): void {
    this.#filled++;
    Atomics.add(this.#control, controlWord.filled, 1);
    Atomics.notify(this.#control, controlWord.filled);
  }

  /**
   * Waits until `wanted` slots are answered, or at least `count` and some time has gone by: more of them at once cost fewer wake-ups.
   *
   * @returns how many are answered; -1 where the threads gave up
   */
  async answered(count: number, wanted = count): Promise<number> {
    const control = this.#control;
    Atomics.store(control, controlWord.wanted, wanted);
    for (let waited = false; ; waited = true) {
      if (Atomics.load(control, controlWord.poisoned) !== 0) return -1;
      const drained = Atomics.load(control, controlWord.drained);
      if (drained >= (waited ? count : wanted)) return drained;
      const wait = Atomics.waitAsync(control, controlWord.drained, drained, wanted > count ? longestWaitMs : undefined);
      if (wait.async) await wait.value;
    }
  }

  poison(): void {
    poison(this.#control);
  }

  /** As if nothing had happened, once all threads have left. @returns slots answered */
  heal(): number {
    heal(this.#control);
    return Atomics.load(this.#control, controlWord.drained);
  }
}
