import type { ThreadScript } from '../thread-script.ts';
import type { Slot } from './slot.ts';

/** A run laid out in memory, before the memory exists: where everything is, and what is written at the start. */
export interface RunImage {
  readonly bytes: number;
  /** The largest users of memory, in words. */
  readonly breakdown: string;
  readonly scripts: readonly ThreadScript[];
  readonly slots: readonly Slot[];
  readonly control: number;
  readonly state: StateAddresses;
  /** Copy made at a step boundary by slots of kind `snapshot`. */
  readonly snapshot: StateAddresses;
  /** The groups of the state after a slot: each thread advances copies of its own, all alike. */
  readonly liveGroups: readonly number[];
  /** Gradient sums after a step, by train binding. */
  readonly gradients: readonly number[];
  /** Context block of each thread. */
  readonly contexts: readonly number[];
  /** Batch sizes of the bindings. */
  readonly trainBatches: readonly number[];
  readonly evaluateBatches: readonly number[];
  /** Threads that have no shard in a whole batch. */
  readonly idleThreads: number;
  /** Tapes and constants. */
  readonly contents: readonly { readonly address: number; readonly words: Uint32Array }[];
}

/** Parameters, optimizer vectors, and three f64 a group (updates, and powers of its rates). */
export interface StateAddresses {
  readonly parameters: number;
  readonly vectors: readonly number[];
  readonly groups: readonly number[];
}
