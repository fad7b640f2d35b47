/** A fixed place: byte offset in one of the regions that a plan is given addresses of. */
export interface Place {
  readonly region: 'arena' | 'parameters' | 'result' | 'input' | 'scalar' | 'output';
  /** Field, scalar or output name, or number of the result vector, where the region has several. */
  readonly key: string;
  readonly offset: number;
}

/** One node computed for all samples (`shard` undefined) or for one shard of the run. */
export interface NodeStep {
  readonly kind: 'node';
  readonly node: number;
  readonly out: Place;
  readonly inputs: readonly Place[];
  readonly shard: number | undefined;
  /** Shards that a segmented sum is over; undefined where it is no such sum. */
  readonly group: ShardGroup | undefined;
}

/** Consecutive shards with one result vector. */
export interface ShardGroup {
  readonly first: number;
  readonly count: number;
}

export type Step =
  | NodeStep
  | { readonly kind: 'copy'; readonly from: Place; readonly to: Place; readonly elements: number }
  | { readonly kind: 'zero'; readonly to: Place; readonly elements: number }
  /** left = left + right: a node of the reduction tree. */
  | { readonly kind: 'merge'; readonly left: Place; readonly right: Place; readonly elements: number };

export interface Schedule {
  readonly steps: readonly Step[];
  readonly arenaBytes: number;
}

export const arenaPlace = (offset: number): Place => ({ region: 'arena', key: '', offset });
export const resultPlace = (group: number, offset: number): Place => ({ region: 'result', key: String(group), offset });
/** So many bytes behind it. */
export const shifted = (place: Place, bytes: number): Place => ({ ...place, offset: place.offset + bytes });
