/**
 * The words through which engine and compute threads meet, each on a cache line of its own. All are i32 and only touched with
 * Atomics.
 *
 * | word | written by | read by | race |
 * |---|---|---|---|
 * | arrived | every thread, at the barrier | every thread | counts up; the last one resets it before it moves `generation` |
 * | generation | the last thread to arrive | every thread (waits on it) | moved after `arrived` is reset, so a fast thread cannot be counted twice |
 * | poisoned | a thread that fails, or the engine | every thread, after each wait | set until all threads have left; nobody waits for a thread that is gone |
 * | filled | engine | every thread (waits on it) | slots published; the slot's contents are written before |
 * | drained | thread 0 | engine (waits on it) | slots answered; the answer is written before, and all threads are done with the slot |
 * | wanted | engine | thread 0, after it moved `drained` | the engine writes it, then looks at `drained` again before it sleeps: one of the two sees the other |
 * | badIndex | a thread whose data had an index out of range | every thread, after a barrier | set until the run ends or threads are replaced |
 */
export const controlWord = {
  arrived: 0,
  generation: 16,
  poisoned: 32,
  filled: 48,
  drained: 64,
  wanted: 80,
  badIndex: 96,
} as const;

export const controlBytes = 112 * 4;
