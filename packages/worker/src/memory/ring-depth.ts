/** Batches that are prepared ahead at least: one that is computed, one that waits, one that is filled. */
const fewestSlots = 3;
/** With more, engine and threads wake each other no less often: 16 steps of the smallest model take a few hundred microseconds. */
const mostSlots = 16;
/** Beyond this the ring of a small job would cost more memory and planning than the job itself. */
const ringBytes = 2 ** 20;

/**
 * Slots of the ring. Small steps end faster than threads wake each other, so they get a deep ring: the engine fills several slots each time
 * it wakes. Whatever the depth, the bits are the same.
 *
 * @param slotBytes a slot's batch and its copy of the tapes
 */
export function ringDepth(slotBytes: number): number {
  return Math.max(fewestSlots, Math.min(mostSlots, Math.floor(ringBytes / slotBytes)));
}
