import type { JobSpec } from '@lockstep/core/internal';
import { emaVector, type Reduction, type TrainingState } from '@lockstep/worker/local';

/** What is evaluated, predicted with and started from: the moving average where the run keeps one. */
export const modelWeights = ({ parameters, optimizer }: TrainingState): Float32Array =>
  optimizer[emaVector] ?? parameters;

/** What identifies a run: a checkpoint of another one is refused on resume. */
export type RunIdentity = Pick<JobSpec, 'name' | 'numericsVersion' | 'seed' | 'batch' | 'dataDigest'> & {
  /** Whether sums of gradients are rounded at each node of the tree. */
  readonly reduce: Reduction;
  /** SHA-256 over the train Program, the layout and the optimizer's description. */
  readonly program: string;
};
