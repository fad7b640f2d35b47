import type { ClusterRequest } from '../engine/cluster-request.ts';

/** How workers of other machines take part in a run. */
export interface ClusterOptions {
  /** `host:port` to serve workers at; port 0 takes a free one, which the start event tells. */
  readonly listen?: string;
  /** The first step waits for so many workers, the threads of this process counted as one; default 1. */
  readonly minWorkers?: number;
  /** Who owns the slices of the weights; default: the coordinator. */
  readonly placement?: ClusterRequest['placement'];
  readonly mode?: ClusterRequest['mode'];
  /** Of mode local: steps that replicas take on their own before their ways are joined; default 50. */
  readonly localSteps?: number;
  /** Of mode local; part of the run, like the seed, so choose as many as there will be workers. Default 2. */
  readonly replicas?: number;
  /** Of mode local: how far to go in the direction of the replicas' mean way, 1 = to where it ends; default 1. */
  readonly outerLearningRate?: number;
  /** Of mode local: Nesterov momentum of that; default 0.8. */
  readonly outerMomentum?: number;
  /** Of mode ssp: updates that the fastest worker may be ahead of the slowest one; default 3. */
  readonly staleness?: number;
  /** `topk:0.01`, `int8` or `powersgd:4`: what workers send is made small, with a loss. Not in mode sync, which promises every bit. */
  readonly compress?: string;
  /** Folder of the coordinator's certificate (see `lockstep certs`). */
  readonly certs?: string;
  /** File with the join token; default: that in `certs`, or LOCKSTEP_TOKEN. */
  readonly tokenFile?: string;
  /** Listen beyond loopback without certificates or token. */
  readonly insecure?: boolean;
  /** Without a word for so long a worker is lost, in milliseconds; default 10 000. */
  readonly leaseMs?: number;
}
