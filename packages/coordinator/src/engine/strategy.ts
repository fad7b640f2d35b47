import { formatCompression } from '@lockstep/worker/local';
import type { Strategy } from '../checkpoint/state.ts';
import type { ClusterRequest } from './cluster-request.ts';

/**
 * Local training is another run with every number of steps and replicas. Where no bits are promised only the mode counts. Undefined in mode
 * sync. The order of the values is part of a run's identity.
 */
export function strategyOf(cluster: ClusterRequest | null): Strategy | undefined {
  if (!cluster || cluster.mode === 'sync') return undefined;
  if (cluster.mode !== 'local') return { mode: cluster.mode };
  const { steps, replicas, outer } = cluster.local;
  return {
    ...{ mode: 'local', 'local-steps': steps, replicas },
    ...{ 'outer-lr': outer.learningRate, 'outer-momentum': outer.momentum },
    compress: formatCompression(cluster.compression),
  };
}
