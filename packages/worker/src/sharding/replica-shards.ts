import type { TreeNode } from './tree.ts';

/** The shards of a batch that replica `replica` of local training takes: contiguous, as even as whole shards allow. */
export const replicaShards = (replica: number, replicas: number, shards: number): TreeNode => ({
  lo: Math.floor((replica * shards) / replicas),
  hi: Math.floor(((replica + 1) * shards) / replicas),
});
