import { UsageError } from '@lockstep/core';
import { type Compression, parseCompression } from '@lockstep/worker/local';
import type { ClusterRequest } from '../engine/cluster-request.ts';
import { type OuterOptions, outerDefaults } from '../strategies/outer-nesterov.ts';
import type { ClusterOptions } from './cluster-options.ts';
import { checkUse } from './option-use.ts';

const defaultLeaseMs = 10_000;

/** Small, as in the experiments of Ho et al. (2013): most of the waiting is gone by then, and gradients are still fresh. */
const defaultStaleness = 3;

/** @throws UsageError naming the option that cannot be */
export function clusterRequest(options: ClusterOptions): ClusterRequest {
  checkUse(options);
  const { listen = null, minWorkers = 1, leaseMs = defaultLeaseMs, certs, tokenFile, insecure = false } = options;
  const { placement = 'coordinator', mode = 'sync', localSteps = 50, replicas = 2 } = options;
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
  if (mode !== 'ssp') return Number.POSITIVE_INFINITY;
  const bound = staleness ?? defaultStaleness;
  if (!Number.isInteger(bound) || bound < 0)
    throw new UsageError(`staleness must be a whole number of at least 0, not ${bound}.`);
  return bound;
}

function compressionOf({ mode = 'sync', compress = 'none' }: ClusterOptions): Compression {
  const compression = parseCompression(compress);
  if (mode === 'sync' && compression.kind !== 'none')
    throw new UsageError(
      `--compress ${compress} loses some of each gradient, and mode sync adds all of it: choose --mode local, ssp or async, or --reduce bf16 for half the bytes.`,
    );
  return compression;
}
