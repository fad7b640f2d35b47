import {
  type MessageInit,
  type Shard,
  shardsOf,
  type TreeNode,
  type UpcomingSchema,
  WorkKind,
  type WorkSchema,
} from '@lockstep/worker';
import type { ItemSpec } from './effects.ts';
import type { RoundContext } from './round.ts';

/** A message as plain data. */
type Fields<Schema extends typeof UpcomingSchema | typeof WorkSchema> = Exclude<
  MessageInit<Schema>,
  { $typeName: string }
>;

/** The shards of one item's batch, and what a worker is told to compute some of them. */
export class Batch {
  readonly spec: ItemSpec;
  readonly #shards: readonly Shard[];

  constructor(spec: ItemSpec, shards: number) {
    this.spec = spec;
    this.#shards = shardsOf(spec.samples, shards);
  }

  /** Those with samples, ascending. */
  get filled(): number[] {
    return [...this.#shards.keys()].filter((s) => this.#size(s) > 0);
  }

  samplesOf(ranges: readonly TreeNode[]): number {
    let samples = 0;
    for (const { lo, hi } of ranges) for (let s = lo; s < hi; s++) samples += this.#size(s);
    return samples;
  }

  /** The part of `Work` that does not depend on who else takes part. */
  work(ranges: readonly TreeNode[], parametersItem: number): Fields<typeof WorkSchema> {
    const { item, step, phase, samples, firstSample, localSteps, stepSamples, waysItem } = this.spec;
    return {
      item,
      kind: kinds[this.spec.kind],
      step,
      phase,
      samples,
      ranges: [...ranges],
      indices: this.indices(ranges),
      learningRates: [...this.spec.learningRates],
      scalars: [...this.spec.scalars],
      parametersItem,
      firstSample,
      localSteps,
      ...(waysItem !== undefined && { waysItem }),
      ...(stepSamples && { stepSamples: [...stepSamples], replicas: samples }),
    };
  }

  /** What a worker will probably be asked when this is the next item. */
  upcoming(ranges: readonly TreeNode[]): Fields<typeof UpcomingSchema> {
    const { item, step, samples } = this.spec;
    return { item, kind: kinds[this.spec.kind], step, samples, ranges: [...ranges], indices: this.indices(ranges) };
  }

  indices(ranges: readonly TreeNode[]): number[] {
    const { indices } = this.spec;
    if (!indices) return [];
    return ranges.flatMap(({ lo, hi }) => indices.slice(this.#shards[lo]?.from, this.#shards[hi - 1]?.to));
  }

  #size(shard: number): number {
    const { from, to } = this.#shards[shard] as Shard;
    return to - from;
  }
}

const kinds = { train: WorkKind.TRAIN, evaluate: WorkKind.EVALUATE, local: WorkKind.LOCAL } as const;

/** Leaves of the item's tree. */
export const leavesOf = ({ leaves }: ItemSpec, { options }: Pick<RoundContext, 'options'>): number =>
  leaves ?? options.shards;

/** Items whose shards take about equally long per sample. */
export const paceKind = ({ kind, phase }: ItemSpec): string => `${kind} ${phase}`;

/** What the `i`-th taker will probably be asked next. */
export function upcomingFor(
  context: RoundContext,
  next: ItemSpec | undefined,
  i: number,
): { upcoming?: Fields<typeof UpcomingSchema> } {
  const range = next && context.ranges(next, context.takers())[i];
  return range ? { upcoming: new Batch(next, leavesOf(next, context)).upcoming([range]) } : {};
}
