import { type JobSpec, type Program, TapeWriter } from '@lockstep/core/internal';
import { blocksOf, sliceOf } from '../memory/block-slices.ts';
import { bufferAddress, foldAddresses, type ThreadPlaces, type ThreadWork } from '../memory/places.ts';
import { PlanCache } from '../memory/plan-cache.ts';
import { type Reduction, roundedElements, writeSum } from '../memory/rounding.ts';
import { writeShards } from '../memory/shard-tapes.ts';
import type { Slot } from '../memory/slot.ts';
import type { TreeNode } from '../sharding/tree.ts';
import { planWork, type WorkPlan } from '../sharding/work.ts';
import type { TapeRange } from '../thread-script.ts';
import type { ReplicaImage } from './replica-image.ts';
import type { WorkArea } from './work-area.ts';

/** Shards of a batch that is filled in one of the places for batches. */
export interface RangeRequest {
  readonly program: Program;
  /** Of the whole batch. */
  readonly samples: number;
  readonly ranges: readonly TreeNode[];
  readonly place: number;
}

/** What the threads replay for a request, and what it yields. */
export interface CompiledRanges {
  readonly threads: readonly { readonly shards: TapeRange; readonly fold: TapeRange }[];
  readonly nodes: readonly (TreeNode & { readonly address: number })[];
  /** f32 elements of each node: gradient where the Program has one, then statistics. */
  readonly length: number;
}

/** Writes tapes for any ranges of shards while the replica runs, and keeps them for when they come again. */
export class RangeCompiler {
  readonly #spec: JobSpec;
  readonly #image: ReplicaImage;
  readonly #area: WorkArea;
  readonly #plans: PlanCache;
  readonly #reduce: Reduction;
  readonly #known = new Map<string, CompiledRanges>();
  /** Most shards that go through the kernels as one batch; fewer where memory is short. */
  #mergeLimit: number;
  #generation = 0;

  constructor(
    spec: JobSpec,
    image: ReplicaImage,
    area: WorkArea,
    { mergeShards, reduce }: { readonly mergeShards: boolean; readonly reduce: Reduction },
  ) {
    this.#spec = spec;
    this.#image = image;
    this.#area = area;
    this.#plans = new PlanCache(spec);
    this.#reduce = reduce;
    this.#mergeLimit = mergeShards ? spec.batch.shards : 1;
  }

  /** @throws MemoryLimitError where the shards do not fit one by one */
  compile(request: RangeRequest): CompiledRanges {
    const key = this.#key(request);
    if (this.#area.crowded) this.#area.dropTapes();
    const known = this.#generation === this.#area.generation ? this.#known.get(key) : undefined;
    if (known) return known;
    for (;;) {
      const compiled = this.#tryCompile(request);
      if (compiled) {
        if (this.#generation !== this.#area.generation) this.#known.clear();
        this.#generation = this.#area.generation;
        this.#known.set(key, compiled);
        return compiled;
      }
      if (this.#mergeLimit === 1) throw this.#area.tooLarge(this.#area.bytesFor(this.#sizes(request)));
      this.#mergeLimit = Math.max(1, this.#mergeLimit >> 1);
    }
  }

  /** @throws MemoryLimitError where the threads cannot hold a shard each */
  check(program: Program): void {
    const { size, shards } = this.#spec.batch;
    const threads = this.#image.scripts.length;
    const mayMerge = () => false;
    const work = planWork({
      batch: size,
      shards,
      threads,
      ranges: [{ lo: 0, hi: Math.min(shards, threads) }],
      mayMerge,
    });
    const sizes = work.threads.map((_, thread) => this.#plans.sizes(program, work, thread));
    if (!this.#area.fit(sizes)) throw this.#area.tooLarge(this.#area.bytesFor(sizes));
  }

  #tryCompile(request: RangeRequest): CompiledRanges | undefined {
    const work = this.#area.fit(this.#sizes(request));
    if (!work) return undefined;
    const plan = this.#work(request);
    const tapes = plan.threads.flatMap((_, thread) => [
      this.#shards(request, plan, thread, work),
      this.#fold(request, plan, thread, work),
    ]);
    const written = this.#area.write(tapes) ?? this.#writeAlone(tapes);
    if (!written) return undefined;
    return {
      threads: plan.threads.map((_, thread) => ({
        shards: written[2 * thread] as TapeRange,
        fold: written[2 * thread + 1] as TapeRange,
      })),
      nodes: plan.nodes.map(({ lo, hi, buffer }) => ({ lo, hi, address: bufferAddress(work, buffer) })),
      length: this.#length(request),
    };
  }

  #writeAlone(tapes: readonly Uint32Array[]): TapeRange[] | undefined {
    this.#area.dropTapes();
    return this.#area.write(tapes);
  }

  #isTraining({ program }: Pick<RangeRequest, 'program'>): boolean {
    return program !== this.#spec.evaluate;
  }

  #work(request: RangeRequest): WorkPlan {
    const { samples, ranges } = request;
    const mayMerge = (segments: readonly number[]) => segments.length <= this.#mergeLimit;
    const { shards } = this.#spec.batch;
    const apart = this.#reduce === 'bf16' && this.#isTraining(request);
    return planWork({ batch: samples, shards, threads: this.#image.scripts.length, ranges, mayMerge, apart });
  }

  #sizes(request: RangeRequest) {
    const plan = this.#work(request);
    return plan.threads.map((_, thread) => this.#plans.sizes(request.program, plan, thread));
  }

  #length(request: RangeRequest): number {
    return (this.#isTraining(request) ? this.#spec.layout.length : 0) + request.program.statistics.length;
  }

  #shards({ program, place }: RangeRequest, plan: WorkPlan, thread: number, work: readonly ThreadWork[]): Uint32Array {
    const { slots, threads, state } = this.#image;
    const [ring, batch] = [slots[0] as Slot, slots[place] as Slot];
    const tape = new TapeWriter();
    const places = {
      own: threads[thread] as ThreadPlaces,
      work: work[thread] as ThreadWork,
      slot: { ...ring, inputs: batch.inputs, gathered: batch.gathered },
      state,
    };
    const items = plan.threads[thread]?.items ?? [];
    writeShards(tape, this.#spec, program, items, this.#plans, places, this.#reduce);
    return tape.finish();
  }

  /** The thread's slice of the sums over the threads' parts, block by block, so that a block stays in cache. */
  #fold(request: RangeRequest, plan: WorkPlan, thread: number, work: readonly ThreadWork[]): Uint32Array {
    const tape = new TapeWriter();
    const adds = foldAddresses(work, plan);
    if (adds.length === 0) return tape.finish();
    const rounded = this.#isTraining(request) ? roundedElements(this.#spec, this.#reduce) : 0;
    for (const block of blocksOf(sliceOf(this.#length(request), thread, plan.threads.length))) {
      for (const { into, from } of adds) writeSum(tape, into, from, block, rounded);
    }
    return tape.finish();
  }

  #key({ program, samples, ranges, place }: RangeRequest): string {
    const which =
      program === this.#spec.evaluate ? -1 : this.#spec.phases.findIndex((phase) => phase.program === program);
    return `${which} ${samples} ${place} ${ranges.map(({ lo, hi }) => `${lo}-${hi}`).join()}`;
  }
}
