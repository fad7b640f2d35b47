import type { JobSpec } from '@lockstep/core/internal';
import { replicaBytes, runVectors } from '@lockstep/worker';
import type { ClusterRequest } from '../engine/cluster-request.ts';

/** Memory that the coordinator's process takes for a run, in bytes, before the first batch: its copies of the model, and their optimizer state. */
export function ownMemory(spec: JobSpec, { placement, mode }: ClusterRequest, threads: number): number {
  const replica = replicaBytes(spec, { threads: Math.max(1, threads), updates: true });
  if (placement === 'coordinator') {
    // Only in mode sync do its own threads compute in the replica that is updated.
    if (mode === 'sync' || threads === 0) return replica;
    return replica + (mode === 'local' ? replica : replicaBytes(spec, { threads, updates: false }));
  }
  const state = (1 + runVectors(spec).length) * spec.layout.length * 4;
  return state + (threads > 0 ? replica : 0);
}
