/** A thread and an owner have whole blocks of so many elements, so that partial sums and hashes never depend on who owns what. */
export const blockElements = 4096;

/**
 * Which slice of a result vector (gradient, then statistics) each of `count` owners adds up: whole blocks, as even as they allow,
 * the last owner takes the tail. An owner for whom no block is left gets an empty slice.
 */
export function ownerSlices(length: number, count: number): { readonly from: number; readonly to: number }[] {
  const blocks = Math.ceil(length / blockElements);
  return Array.from({ length: count }, (_, i) => ({
    from: Math.min(length, Math.floor((i * blocks) / count) * blockElements),
    to: Math.min(length, Math.floor(((i + 1) * blocks) / count) * blockElements),
  }));
}
