/** Everything a run needs to go on at a step boundary, in memory. */
export interface TrainingState {
  /** Finished updates (steps), skipped ones included. */
  readonly step: number;
  /** The flat parameter vector in the layout of the job. */
  readonly parameters: Float32Array;
  /** Optimizer vectors by name (`momentum_buffer`, `exp_avg` ...), and `ema`, the weights' moving average, each in the same layout. */
  readonly optimizer: Readonly<Record<string, Float32Array>>;
  /** f64 state of the optimizer by name (updates applied, running powers of beta per group), written as exact text. */
  readonly counters: Readonly<Record<string, readonly number[]>>;
}
