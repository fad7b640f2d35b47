import { type JobSpec, type Program, TapeWriter } from '@lockstep/core/internal';
import { blocksOf, type Slice, sliceOf } from '../memory/block-slices.ts';
import { bufferAddress, foldAddresses, type ThreadPlaces, type ThreadWork } from '../memory/places.ts';
import { PlanCache } from '../memory/plan-cache.ts';
import { type Reduction, roundedElements, writeSum } from '../memory/rounding.ts';
import { shardTapes } from '../memory/shard-tapes.ts';
import type { Slot } from '../memory/slot.ts';
import { oneStage, planStages, type Stage } from '../memory/stages.ts';
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
  /** Whether parts of the result are wanted as soon as they are final. */
  readonly inStages: boolean;
}

/** What the threads replay for a request, and what it yields. */
export interface CompiledRanges {
  /** By thread and stage: its shards, and sums over the threads' parts; of the last stage its slice of them. */
  readonly threads: readonly (readonly { readonly shards: TapeRange; readonly fold: TapeRange }[])[];
  readonly stages: readonly Stage[];
  readonly nodes: readonly (TreeNode & { readonly address: number })[];
  /** f32 elements of each node: gradient where the Program has one, then statistics. */
  readonly length: number;
}

export interface RangeOptions {
  readonly mergeShards: boolean;
  readonly reduce: Reduction;
  /** Least elements of a stage. */
  readonly stageElements: number;
}

/** Writes tapes for any ranges of shards while the replica runs, and keeps them for when they come again. */
export class RangeCompiler {
  readonly #spec: JobSpec;
  readonly #image: ReplicaImage;
  readonly #area: WorkArea;
  readonly #plans: PlanCache;
  readonly #reduce: Reduction;
  readonly #stageElements: number;
  readonly #known = new Map<string, CompiledRanges>();
  /** Most shards that go through the kernels as one batch; fewer where memory is short. */
  #mergeLimit: number;
  #generation = 0;

  constructor(
    spec: JobSpec,
    image: ReplicaImage,
    area: WorkArea,
    { mergeShards, reduce, stageElements }: RangeOptions,
  ) {
    this.#spec = spec;
    this.#image = image;
    this.#area = area;
    this.#plans = new PlanCache(spec);
    this.#reduce = reduce;
    this.#stageElements = stageElements;
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
    const stages = this.#stages(request, plan);
    const folds = stages.map(({ slices }) => this.#fold(request, plan, work, slices));
    const rest = plan.threads.map((_, thread) => this.#lastFold(request, plan, work, thread, stages));
    const shards = plan.threads.map((_, thread) => this.#shards(request, plan, thread, work, stages));
    const ranges = this.#write([...folds, ...rest, ...shards.flat()]);
    if (!ranges) return undefined;
    const count = stages.length;
    const at = (index: number) => ranges[index] as TapeRange;
    return {
      threads: plan.threads.map((_, thread) =>
        stages.map((_, k) => ({
          shards: at(count + plan.threads.length + thread * count + k),
          fold: k < count - 1 ? at(k) : at(count + thread),
        })),
      ),
      stages,
      nodes: plan.nodes.map(({ lo, hi, buffer }) => ({ lo, hi, address: bufferAddress(work, buffer) })),
      length: this.#length(request),
    };
  }

  /** Behind the tapes that are kept, or instead of them. */
  #write(tapes: readonly Uint32Array[]): TapeRange[] | undefined {
    const written = this.#area.write(tapes);
    if (written) return written;
    this.#area.dropTapes();
    return this.#area.write(tapes);
  }

  /** Cut by the plan of some thread's last run; the others' are of the same Program. */
  #stages(request: RangeRequest, { threads }: WorkPlan): Stage[] {
    const length = this.#length(request);
    const run = threads.flatMap(({ items }) => items.findLast(({ kind }) => kind === 'run') ?? [])[0];
    if (!request.inStages || !this.#isTraining(request) || run?.kind !== 'run') return oneStage(length);
    return planStages(this.#spec.layout, this.#plans.plan(request.program, run), length, this.#stageElements);
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

  #shards(
    { program, place }: RangeRequest,
    plan: WorkPlan,
    thread: number,
    work: readonly ThreadWork[],
    stages: readonly Stage[],
  ): Uint32Array[] {
    const { slots, threads, state } = this.#image;
    const [ring, batch] = [slots[0] as Slot, slots[place] as Slot];
    const places = {
      own: threads[thread] as ThreadPlaces,
      work: work[thread] as ThreadWork,
      slot: { ...ring, inputs: batch.inputs, gathered: batch.gathered },
      state,
    };
    const items = plan.threads[thread]?.items ?? [];
    return shardTapes(this.#spec, { program, items, plans: this.#plans, reduce: this.#reduce, stages }, places);
  }

  /** The sums over the threads' parts of some slices, block by block, so that a block stays in cache. */
  #fold(request: RangeRequest, plan: WorkPlan, work: readonly ThreadWork[], slices: readonly Slice[]): Uint32Array {
    const tape = new TapeWriter();
    const adds = foldAddresses(work, plan);
    if (adds.length === 0) return tape.finish();
    const rounded = this.#isTraining(request) ? roundedElements(this.#spec, this.#reduce) : 0;
    for (const block of slices.flatMap((slice) => [...blocksOf(slice)])) {
      for (const { into, from } of adds) writeSum(tape, into, from, block, rounded);
    }
    return tape.finish();
  }

  /** Of what the last stage leaves, a thread's share. */
  #lastFold(
    request: RangeRequest,
    plan: WorkPlan,
    work: readonly ThreadWork[],
    thread: number,
    stages: readonly Stage[],
  ): Uint32Array {
    const own = sliceOf(this.#length(request), thread, plan.threads.length);
    const slices = (stages.at(-1) as Stage).slices.flatMap(({ from, to }) => {
      const part = { from: Math.max(from, own.from), to: Math.min(to, own.to) };
      return part.from < part.to ? [part] : [];
    });
    return this.#fold(request, plan, work, slices);
  }

  #key({ program, samples, ranges, place, inStages }: RangeRequest): string {
    const which =
      program === this.#spec.evaluate ? -1 : this.#spec.phases.findIndex((phase) => phase.program === program);
    return `${which} ${samples} ${place} ${inStages} ${ranges.map(({ lo, hi }) => `${lo}-${hi}`).join()}`;
  }
}
