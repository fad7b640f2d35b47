import { type JobSpec, MemoryLimitError } from '@lockstep/core/internal';
import { compileRun } from './compile-run.ts';
import { mebibytes } from './regions.ts';
import type { Reduction } from './rounding.ts';
import type { RunImage } from './run-image.ts';

/** 32-bit addresses reach no further. */
const addressLimit = 2 ** 32 - 65536;

export interface FitOptions {
  readonly threads: number;
  readonly mergeShards: boolean;
  readonly limitBytes: number;
  readonly reduce: Reduction;
}

/**
 * Lays the run out with as many shards merged as memory allows: fewer at a time need less and give the same bits.
 *
 * @throws MemoryLimitError before anything is allocated: how much it needs, for what, and how many threads would fit
 */
export function fitRun(spec: JobSpec, { threads, mergeShards, limitBytes, reduce }: FitOptions): RunImage {
  const limit = Math.min(limitBytes, addressLimit);
  let image: RunImage | undefined;
  for (let mergeLimit = mergeShards ? spec.batch.shards : 1; mergeLimit >= 1; mergeLimit = Math.floor(mergeLimit / 2)) {
    image = compileRun(spec, { threads, mergeLimit, reduce });
    if (image.bytes <= limit) return image;
  }
  const fitting = largestFitting(spec, threads, limit, reduce);
  throw new MemoryLimitError(
    `Job "${spec.name}" needs ${mebibytes((image as RunImage).bytes)} with ${threads} thread${threads === 1 ? '' : 's'} ` +
      `(${(image as RunImage).breakdown}), the limit is ${mebibytes(limit)}: ` +
      (fitting > 0
        ? `use at most --threads ${fitting}, or more shards.`
        : 'use more shards, so that each holds fewer samples, or a smaller model.'),
  );
}

function largestFitting(spec: JobSpec, threads: number, limit: number, reduce: Reduction): number {
  for (let fewer = threads - 1; fewer >= 1; fewer--) {
    if (compileRun(spec, { threads: fewer, mergeLimit: 1, reduce }).bytes <= limit) return fewer;
  }
  return 0;
}
