import { controlWord } from './control-block.ts';

/** Looks at the word so often before it sleeps: a step's parts end within microseconds of each other. */
const spins = 4000;

/**
 * All compute threads of a run meet here: nobody passes before everyone has come. Returns false when the barrier was poisoned, and
 * everyone must leave.
 *
 * @param control the control block of the run
 * @param crowded more threads than cores: spinning would keep the awaited one from running
 */
export function meet(control: Int32Array, threads: number, crowded: boolean): boolean {
  const generation = Atomics.load(control, controlWord.generation);
  if (Atomics.add(control, controlWord.arrived, 1) === threads - 1) {
    Atomics.store(control, controlWord.arrived, 0);
    Atomics.add(control, controlWord.generation, 1);
    Atomics.notify(control, controlWord.generation);
  } else {
    awaitChange(control, controlWord.generation, generation, crowded);
  }
  return Atomics.load(control, controlWord.poisoned) === 0;
}

/** Returns once the word is no longer `value`, or the run is poisoned. */
export function awaitChange(control: Int32Array, word: number, value: number, crowded: boolean): void {
  for (let i = crowded ? spins : 0; i < spins; i++) if (Atomics.load(control, word) !== value) return;
  while (Atomics.load(control, word) === value && Atomics.load(control, controlWord.poisoned) === 0) {
    Atomics.wait(control, word, value);
  }
}

const waitedFor = [controlWord.generation, controlWord.filled, controlWord.drained];
const topBit = 1 << 31;

/** Lets everyone out of every wait. */
export function poison(control: Int32Array): void {
  Atomics.store(control, controlWord.poisoned, 1);
  for (const word of waitedFor) {
    // The value moves, so that a thread between its look and its sleep does not sleep. Everyone looks at `poisoned` first.
    Atomics.or(control, word, topBit);
    Atomics.notify(control, word);
  }
}

/** Undoes `poison`, once all threads have left. What was counted stays; nobody is at the barrier. */
export function heal(control: Int32Array): void {
  for (const word of waitedFor) Atomics.and(control, word, ~topBit);
  for (const word of [controlWord.arrived, controlWord.badIndex, controlWord.poisoned]) Atomics.store(control, word, 0);
}
