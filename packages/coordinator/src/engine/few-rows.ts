import type { JobSpec } from '@lockstep/core/internal';

/** Fewer samples say little about mean and variance. */
const wanted = 16;

/** What to say where a layer normalises over shards (BatchNorm) that are small, in a whole batch or in the last one of an epoch. */
export function fewRowsWarning(spec: Pick<JobSpec, 'batch' | 'trainLength' | 'mixesSamples'>): string | undefined {
  if (!spec.mixesSamples) return undefined;
  const { size, shards } = spec.batch;
  const whole = Math.min(size, spec.trainLength);
  const rows = smallestShard(whole, shards);
  if (rows < wanted) {
    const remedy =
      whole >= 2 * wanted
        ? `use at most ${Math.floor(whole / wanted)} shards`
        : `use one shard and batches of at least ${wanted}`;
    return `Shards of ${samples(rows)} are few to normalise over (BatchNorm): ${remedy}, or GroupNorm.`;
  }
  const last = spec.trainLength % size;
  if (spec.trainLength > size && last > 0 && smallestShard(last, shards) < wanted) {
    return (
      `The last batch of an epoch has ${samples(last)}, shards of ${samples(smallestShard(last, shards))}, few to normalise over (BatchNorm): ` +
      `choose a batch size that divides the ${spec.trainLength} training samples better, or GroupNorm.`
    );
  }
  return undefined;
}

/** Samples of the smallest shard that has any. */
const smallestShard = (batch: number, shards: number): number => Math.max(1, Math.floor(batch / shards));

const samples = (count: number): string => `${count} sample${count === 1 ? '' : 's'}`;
