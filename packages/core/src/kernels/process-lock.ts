import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';

/** Threads are given a copy of the environment data when they start; of a shared buffer that is the buffer itself. */
const name = 'lockstep.process-lock';
const known: unknown = getEnvironmentData(name);
const words = new Int32Array(known instanceof SharedArrayBuffer ? known : new SharedArrayBuffer(4));
if (!(known instanceof SharedArrayBuffer)) setEnvironmentData(name, words.buffer);

/**
 * Runs while no other thread of the process does: for what concerns the process as a whole. Threads that were started before this module was
 * first imported have a lock of their own.
 */
export function aloneInProcess<T>(run: () => T): T {
  while (Atomics.compareExchange(words, 0, 0, 1) !== 0) Atomics.wait(words, 0, 1);
  try {
    return run();
  } finally {
    Atomics.store(words, 0, 0);
    Atomics.notify(words, 0, 1);
  }
}
