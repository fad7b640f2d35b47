import type { ParameterLayout } from './layout.ts';
import type { Program } from './program.ts';

/** Byte addresses that a tape refers to. All are multiples of 64. */
export interface PlanAddresses {
  /** Base of the flat parameter vector. */
  readonly parameters: number;
  /** First sample of the run, by input field. */
  readonly inputs: Readonly<Record<string, number>>;
  /** One f32 each. */
  readonly scalars: Readonly<Record<string, number>>;
  /** The thread's context block (see docs/kernels.md). */
  readonly context: number;
  /** `Plan.scratchBytes` for kernels, private to the thread. */
  readonly scratch: number;
  /** `Plan.arenaBytes` for intermediates, private to the thread, shared by all its plans. */
  readonly arena: number;
  /** Result vectors, one for each group of shards: gradients, then statistics. */
  readonly results: readonly number[];
  /** Destination of each named output (prediction). */
  readonly outputs: Readonly<Record<string, number>>;
}

/** A Program bound to the shards of one run, with every intermediate at a fixed place. */
export interface Plan {
  readonly arenaBytes: number;
  readonly scratchBytes: number;
  /** Bytes of each input field, scalar excluded, for the run's samples. */
  readonly inputBytes: Readonly<Record<string, number>>;
  readonly outputBytes: Readonly<Record<string, number>>;
  /** Steps that the plan is made of. */
  readonly steps: number;
  /** By parameter (or buffer): the step after which its sums in the result vectors are neither written nor read again. */
  readonly finalAfter: ReadonlyMap<string, number>;
  /**
   * The instructions for `run(pc, end)`, as 32-bit words, position-independent (no address of the tape itself).
   *
   * @param part steps `from` to `to`; parts are encoded in order, from the first to the last. Default: all
   */
  encode(addresses: PlanAddresses, part?: { readonly from: number; readonly to: number }): Uint32Array;
}

export interface PlanRequest {
  readonly program: Program;
  readonly layout: ParameterLayout;
  /** Samples of each shard of the run, in order; none is zero. Several shards go through the kernels as one batch. */
  readonly segments: readonly number[];
  /**
   * How many consecutive shards share a result vector: a range of shards that is no node of the tree gives one result for each of its
   * maximal sub-trees. Default: all share one.
   */
  readonly groups?: readonly number[];
}
