/** Shard s of a batch holds samples `[floor(s B / V), floor((s + 1) B / V))`. */
export interface Shard {
  readonly from: number;
  readonly to: number;
}

export function shardsOf(batch: number, shards: number): Shard[] {
  return Array.from({ length: shards }, (_, s) => ({
    from: Math.floor((s * batch) / shards),
    to: Math.floor(((s + 1) * batch) / shards),
  }));
}

/** Samples of shards `lo` to `hi`. */
export const samplesOf = (all: readonly Shard[], { lo, hi }: { readonly lo: number; readonly hi: number }): number =>
  (all[hi - 1] as Shard).to - (all[lo] as Shard).from;

/**
 * Contiguous ranges of shards, one a thread, as even as whole shards allow. Which thread computes a shard is a matter of speed
 * alone; no bit depends on it.
 */
export function apportion(shards: number, threads: number): { from: number; to: number }[] {
  return shardsOf(shards, threads);
}
