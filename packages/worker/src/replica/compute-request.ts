import { type JobSpec, UsageError } from '@lockstep/core/internal';
import type { TreeNode } from '../sharding/tree.ts';

interface RequestBase {
  /** Of the whole batch, of all workers together. */
  readonly samples: number;
  /** Shards to compute: disjoint, in order. */
  readonly ranges: readonly TreeNode[];
  /** Host values of the step, in the order of `JobSpec.scalars`. */
  readonly scalars: readonly number[];
  /** Of the random numbers; default: that of the step and phase, or of the evaluation's batch. */
  readonly key?: readonly [number, number];
}

/** What a replica is asked to compute of the batch that was put into its inputs. */
export type ComputeRequest =
  | (RequestBase & {
      readonly kind: 'train';
      /** From 0. */
      readonly step: number;
      readonly phase: number;
    })
  | (RequestBase & {
      readonly kind: 'evaluate';
      /** Index of the batch's first sample in the test split. */
      readonly firstSample: number;
    });

export interface UpdateRequest {
  readonly phase: number;
  /** Of all groups, phase by phase. */
  readonly learningRates: readonly number[];
}

/** @throws UsageError naming what the job cannot have */
export function checkRequest(spec: JobSpec, request: ComputeRequest): void {
  const { samples, ranges, scalars } = request;
  const { size, shards } = spec.batch;
  if (!Number.isInteger(samples) || samples < 1 || samples > size) {
    throw new UsageError(
      `A batch of ${samples} samples cannot be computed: batches of "${spec.name}" have up to ${size}.`,
    );
  }
  let last = 0;
  for (const { lo, hi } of ranges) {
    if (!Number.isInteger(lo) || !Number.isInteger(hi) || lo < last || hi <= lo || hi > shards) {
      throw new UsageError(
        `Shards [${lo}, ${hi}) cannot be computed after shard ${last}: ranges must be disjoint, in order and within the ${shards} shards.`,
      );
    }
    last = hi;
  }
  if (scalars.length !== spec.scalars.length) {
    throw new UsageError(`"${spec.name}" has ${spec.scalars.length} scalars, not ${scalars.length}.`);
  }
  if (request.kind === 'train' && !spec.phases[request.phase]) {
    throw new UsageError(`"${spec.name}" has no phase ${request.phase}: it has ${spec.phases.length}.`);
  }
}
