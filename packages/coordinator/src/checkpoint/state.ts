import type { JobSpec } from '@lockstep/core/internal';
import { emaVector } from '@lockstep/worker';

/** Everything a run needs to go on at a step boundary, in memory. */
export interface TrainingState {
  /** Finished updates (steps), skipped ones included. */
  readonly step: number;
  /** The flat parameter vector in the layout of the job. */
  readonly parameters: Float32Array;
  /** Optimizer vectors by name (`momentum_buffer`, `exp_avg` ...), and `ema`, the weights' moving average,, each in the same layout. */
  readonly optimizer: Readonly<Record<string, Float32Array>>;
  /** f64 state of the optimizer by name (updates applied, running powers of beta per group), written as exact text. */
  readonly counters: Readonly<Record<string, readonly number[]>>;
}

/** What is evaluated, predicted with and started from: the moving average where the run keeps one. */
export const modelWeights = ({ parameters, optimizer }: TrainingState): Float32Array =>
  optimizer[emaVector] ?? parameters;

/** What identifies a run: a checkpoint of another one is refused on resume. */
export type RunIdentity = Pick<JobSpec, 'name' | 'numericsVersion' | 'seed' | 'batch' | 'dataDigest'> & {
  /** SHA-256 over the train Program, the layout and the optimizer's description. */
  readonly program: string;
};
