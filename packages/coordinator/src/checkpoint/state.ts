import type { JobSpec } from '@lockstep/core/internal';
import { emaVector, type Reduction, type TrainingState } from '@lockstep/worker/local';

/** What is evaluated, predicted with and started from: the moving average where the run keeps one. */
export const modelWeights = ({ parameters, optimizer }: TrainingState): Float32Array =>
  optimizer[emaVector] ?? parameters;

/** What beside the job decides how updates are made, by the names of the command line's options: the mode first. */
export type Strategy = Readonly<Record<string, string | number>>;

/** What identifies a run: a checkpoint of another one is refused on resume. */
export type RunIdentity = Pick<JobSpec, 'name' | 'numericsVersion' | 'seed' | 'batch' | 'dataDigest'> & {
  /** Whether sums of gradients are rounded at each node of the tree. */
  readonly reduce: Reduction;
  /** Absent in mode sync. It is part of `program`; here it is for the sentence that says what differs. */
  readonly strategy?: Strategy;
  /** SHA-256 over the train Program, the layout and the optimizer's description. */
  readonly program: string;
};
