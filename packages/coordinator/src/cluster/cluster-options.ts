import { UsageError } from '@lockstep/core';
import { type Compression, parseCompression } from '@lockstep/worker/local';
import type { ClusterRequest } from '../engine/cluster-request.ts';
import { type OuterOptions, outerDefaults } from '../strategies/outer-nesterov.ts';

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
  /** Of mode local; part of the run, like the seed. Default 4. */
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

const defaultLeaseMs = 10_000;

/** Small, as in the experiments of Ho et al. (2013): most of the waiting is gone by then, and gradients are still fresh. */
const defaultStaleness = 3;

/** @throws UsageError naming the option that cannot be */
export function clusterRequest(options: ClusterOptions): ClusterRequest {
  const { listen = null, minWorkers = 1, leaseMs = defaultLeaseMs, certs, tokenFile, insecure = false } = options;
  const { placement = 'coordinator', mode = 'sync', localSteps = 50, replicas = 4 } = options;
  for (const [name, value] of Object.entries({ localSteps, replicas })) {
    if (!Number.isInteger(value) || value < 1)
      throw new UsageError(`${name} must be a whole number of at least 1, not ${value}.`);
  }
  if (!Number.isInteger(minWorkers) || minWorkers < 1)
    throw new UsageError(`minWorkers must be a whole number of at least 1, not ${minWorkers}.`);
  if (!(leaseMs >= 100)) throw new UsageError(`leaseMs must be at least 100, not ${leaseMs}.`);
  if (placement === 'workers' && mode !== 'sync')
    throw new UsageError(
      `Mode ${mode} needs --placement coordinator: there is no single state that workers could own.`,
    );
  return {
    listen,
    minWorkers,
    placement,
    mode,
    local: { steps: localSteps, replicas, outer: outerOf(options) },
    staleness: stalenessOf(options),
    compression: compressionOf(options),
    security: { ...(certs !== undefined && { certs }), ...(tokenFile !== undefined && { tokenFile }) },
    insecure,
    leaseMs,
    heartbeatMs: leaseMs / 10,
  };
}

function outerOf(options: ClusterOptions): OuterOptions {
  const { outerLearningRate: learningRate = outerDefaults.learningRate } = options;
  const { outerMomentum: momentum = outerDefaults.momentum } = options;
  if (!(learningRate > 0)) throw new UsageError(`outerLearningRate must be above 0, not ${learningRate}.`);
  if (!(momentum >= 0 && momentum < 1))
    throw new UsageError(`outerMomentum must be at least 0 and below 1, not ${momentum}.`);
  return { learningRate, momentum };
}

function stalenessOf({ mode, staleness }: ClusterOptions): number {
  if (mode !== 'ssp') {
    if (staleness !== undefined)
      throw new UsageError(`A staleness bound is for mode ssp, not for ${mode ?? 'sync'}: leave out --staleness.`);
    return Number.POSITIVE_INFINITY;
  }
  const bound = staleness ?? defaultStaleness;
  if (!Number.isInteger(bound) || bound < 0)
    throw new UsageError(`staleness must be a whole number of at least 0, not ${bound}.`);
  return bound;
}

function compressionOf({ mode = 'sync', compress = 'none' }: ClusterOptions): Compression {
  const compression = parseCompression(compress);
  if (mode === 'sync' && compression.kind !== 'none')
    throw new UsageError(
      `Compression ${compress} loses some of each gradient, and mode sync adds all of it: choose --mode local, ssp or async, or --reduce bf16 for half the bytes.`,
    );
  return compression;
}
