/** From byte address `from` up to `to`: a tape for `run`. */
export interface TapeRange {
  readonly from: number;
  readonly to: number;
}

/** Everything a compute thread needs besides the memory and the kernels: addresses. Made by `compileRun`. */
export interface ThreadScript {
  readonly thread: number;
  readonly threads: number;
  readonly control: number;
  /** Header of each slot. */
  readonly slots: readonly number[];
  /** Flag word of the thread's context block. */
  readonly errorFlag: number;
  /** i32 status of the thread's record of `decide`. */
  readonly status: number;
  readonly stopAtNonFinite: boolean;
  /** Words that say how far the thread has come, for whoever takes its place, and room for the rest of an instruction. */
  readonly progress: number;
  readonly resumed: number;
  /** By phase and binding: batches of one size. */
  readonly train: readonly (readonly TrainTapes[])[];
  readonly evaluate: readonly EvaluateTapes[];
  /** By phase: updates from a reduced vector. Only of a replica. */
  readonly updates: readonly UpdateTapes[];
  /**
   * Words that say where the thread's tapes of a `compute` lie: how many stages, then of each shards from and to, sums from and to. 0 where
   * there are none.
   */
  readonly ranges: number;
  /** Words of all threads: how many have come to the end of each stage, and from word 16 on the stages that are done. */
  readonly stages: number;
  /** By phase and slot: the groups' states advance and the blocks of the update kernels are filled. */
  readonly hyper: readonly (readonly TapeRange[])[];
  /** Copies the thread's slice to the snapshot. */
  readonly snapshot: TapeRange;
  /** Hashes the thread's slice as it is at the start. */
  readonly firstHash: TapeRange;
  /** By slot, thread 0: the digest of the parameters, when all slices are hashed. */
  readonly digest: readonly TapeRange[];
}

export interface TrainTapes extends UpdateTapes {
  /** By slot: the thread's shards, forward and backward. */
  readonly compute: readonly TapeRange[];
}

/** What follows once all shards are computed. */
export interface UpdateTapes {
  /** The sum of the statistics, and the thread's slice of the sum over all sub-trees, with penalties, and its squares. */
  readonly fold: TapeRange;
  readonly decide: TapeRange;
  /** The thread's slice: optimizer, buffers, moving average and hash. */
  readonly update: TapeRange;
  /** By slot, thread 0: sums and norm, while nobody can overwrite them. */
  readonly report: readonly TapeRange[];
}

export interface EvaluateTapes {
  readonly compute: readonly TapeRange[];
  /** By slot, thread 0. */
  readonly report: readonly TapeRange[];
}
