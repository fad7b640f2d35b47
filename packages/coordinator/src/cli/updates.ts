import { formatCompression } from '@lockstep/worker/local';
import type { ClusterOptions } from '../cluster/cluster-options.ts';
import { clusterRequest } from '../cluster/to-request.ts';

/** Options that say how updates are made, under the names that `train` has for them. */
export type Updates = Pick<
  ClusterOptions,
  'mode' | 'localSteps' | 'replicas' | 'outerLearningRate' | 'outerMomentum' | 'staleness' | 'compress'
>;

/** Whether it may be what `updatesOf` gave; values are checked where they are used. */
export const isUpdates = (value: unknown): value is Updates =>
  typeof value === 'object' && value !== null && ['local', 'ssp', 'async'].includes((value as Updates).mode ?? '');

/** All of them with their defaults, so that a run goes on as it began; undefined in mode sync. @throws UsageError */
export function updatesOf(options: ClusterOptions): Updates | undefined {
  const { mode, local, staleness, compression } = clusterRequest(options);
  if (mode === 'sync') return undefined;
  const compress = formatCompression(compression) || 'none';
  if (mode === 'async') return { mode, compress };
  if (mode === 'ssp') return { mode, staleness, compress };
  const { steps: localSteps, replicas, outer } = local;
  return { mode, localSteps, replicas, outerLearningRate: outer.learningRate, outerMomentum: outer.momentum, compress };
}

/** What a run was begun with, and what is given now, which wins; where another mode is given nothing of the old one stays. */
export const resumedOptions = (given: ClusterOptions, recorded: Updates | undefined): ClusterOptions =>
  given.mode === undefined || given.mode === recorded?.mode ? { ...recorded, ...given } : given;
