import { sha256Hex, type TracedJob } from '@lockstep/core/internal';
import type { Reduction } from '@lockstep/worker/local';
import type { RunIdentity, Strategy } from './state.ts';

/** What makes a run the run it is: resuming needs all of it equal. */
export const identityOf = (
  { spec }: Pick<TracedJob, 'spec'>,
  reduce: Reduction,
  /** Undefined in mode sync. */
  strategy?: Strategy,
): RunIdentity => ({
  name: spec.name,
  numericsVersion: spec.numericsVersion,
  seed: spec.seed,
  batch: spec.batch,
  dataDigest: spec.dataDigest,
  reduce,
  ...(strategy && { strategy }),
  program: sha256Hex(
    JSON.stringify([spec.phases, spec.layout, spec.ema, ...(strategy ? [Object.values(strategy).join(' ')] : [])]),
  ),
});
