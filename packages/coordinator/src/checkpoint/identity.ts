import { sha256Hex, type TracedJob } from '@lockstep/core/internal';
import type { Reduction } from '@lockstep/worker/local';
import type { RunIdentity } from './state.ts';

/** What makes a run the run it is: resuming needs all of it equal. */
export const identityOf = (
  { spec }: Pick<TracedJob, 'spec'>,
  reduce: Reduction,
  /** What beside the job decides how updates are made; empty in mode sync. */
  strategy = '',
): RunIdentity => ({
  name: spec.name,
  numericsVersion: spec.numericsVersion,
  seed: spec.seed,
  batch: spec.batch,
  dataDigest: spec.dataDigest,
  reduce,
  program: sha256Hex(JSON.stringify([spec.phases, spec.layout, spec.ema, ...(strategy === '' ? [] : [strategy])])),
});
