/** Batches that are prepared ahead at least: one that is computed, one that waits, one that is filled. */
const fewestSlots = 3;
/** With more, engine and threads wake each other no less often: 16 steps of the smallest model take a few hundred microseconds. */
const mostSlots = 16;
/** Steps that touch more than this in all take so long that waking the engine for each of them does not matter. */
const shortBytes = 2 ** 18;

/**
 * Slots of the ring. Small steps end faster than threads wake each other, so they get a deep ring: the engine fills several slots each time
 * it wakes. Whatever the depth, the bits are the same.
 *
 * @param stepBytes a step's batch, its tapes and the parameters: a measure for how long it takes, and for what a slot costs
 */
export function ringDepth(stepBytes: number): number {
  return Math.max(fewestSlots, Math.min(mostSlots, Math.floor(shortBytes / stepBytes)));
}
