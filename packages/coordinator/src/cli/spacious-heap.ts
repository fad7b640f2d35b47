import { setFlagsFromString } from 'node:v8';

/**
 * By how much the heap may grow until everything on it is looked through again, in percent of what was left the last time. V8 takes 10 where
 * little is allocated, and counts the bytes of messages as well: a worker's heap of 24 MB was looked through at every second step, for 40 ms on
 * all cores (bench/cluster.ts). Here it is at most 100 MB before that happens.
 */
const growthPercent = 300;

/** For processes that are Lockstep's own and move much through the network. A host of `train()` keeps V8's defaults. */
export function spaciousHeap(): void {
  setFlagsFromString(`--heap-growing-percent=${growthPercent}`);
}
