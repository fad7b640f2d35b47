import type { ClusterRequest } from '../engine/cluster-request.ts';

/**
 * What to say where more workers are waited for than mode local has replicas for. Their number is part of the run, so it never follows from that
 * of the workers.
 */
export function idleWorkersWarning({
  mode,
  local: { replicas },
  minWorkers,
}: Pick<ClusterRequest, 'mode' | 'local' | 'minWorkers'>): string | undefined {
  if (mode !== 'local' || minWorkers <= replicas) return undefined;
  return (
    `${minWorkers} workers are waited for, and mode local has ${replicas} replica${replicas === 1 ? '' : 's'}: the others have nothing to do. ` +
    `--replicas ${minWorkers} would use them, and is another run with other bits.`
  );
}
