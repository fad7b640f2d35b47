import { hyperConstants, type JobSpec, type Program, TapeWriter } from '@lockstep/core/internal';
import { controlBytes } from '../control-block.ts';
import { planWork, type WorkPlan } from '../sharding/work.ts';
import type { EvaluateTapes, TapeRange, ThreadScript, TrainTapes } from '../thread-script.ts';
import { sliceOf } from './block-slices.ts';
import { parameterPieces } from './pieces.ts';
import {
  bufferAddress,
  foldAddresses,
  mostStatistics,
  reserveState,
  reserveThread,
  reserveWork,
  type SharedPlaces,
  type ThreadPlaces,
  type ThreadWork,
} from './places.ts';
import { largerSizes, noSizes, PlanCache } from './plan-cache.ts';
import { Regions } from './regions.ts';
import { ringDepth } from './ring-depth.ts';
import { type Reduction, roundedElements } from './rounding.ts';
import type { RunImage, StateAddresses } from './run-image.ts';
import { runGroups } from './run-state.ts';
import { shardTapes } from './shard-tapes.ts';
import { reserveSlot, type Slot, sampleBytes } from './slot.ts';
import { copyWords, foldStatistics } from './tapes.ts';
import { reserveSums, UpdateCompiler } from './update-tapes.ts';

export interface CompileOptions {
  readonly threads: number;
  /** Most shards that may go through the kernels as one batch; 1 = one by one. Speed and memory only. */
  readonly mergeLimit: number;
  readonly reduce: Reduction;
}

/** About what an instruction takes on the tape. */
const instructionBytes = 64;

/** Lays out a run and writes all its tapes: everything the threads do is decided here, before they start. */
export function compileRun(spec: JobSpec, options: CompileOptions): RunImage {
  return new RunCompiler(spec, options).compile();
}

/** A Program for batches of one size. */
interface Binding {
  readonly program: Program;
  readonly work: WorkPlan;
}

/** What all threads see, and where each of them computes. */
type Places = SharedPlaces & { readonly work: readonly ThreadWork[]; readonly snapshot: StateAddresses };

class RunCompiler {
  readonly #spec: JobSpec;
  readonly #options: CompileOptions;
  readonly #regions = new Regions();
  readonly #plans: PlanCache;
  readonly #updates: UpdateCompiler;
  readonly #contents: { address: number; words: Uint32Array }[] = [];
  /** By phase, then by batch size. */
  readonly #train: readonly (readonly Binding[])[];
  readonly #evaluate: readonly Binding[];

  constructor(spec: JobSpec, options: CompileOptions) {
    this.#spec = spec;
    this.#options = options;
    this.#plans = new PlanCache(spec);
    this.#updates = new UpdateCompiler(spec, (write) => this.#tape(write));
    const bind = (program: Program, length: number) =>
      batchSizes(length, spec.batch.size).map((batch) => this.#bind(program, batch));
    this.#train = spec.phases.map(({ program }) => bind(program, spec.trainLength));
    this.#evaluate = bind(spec.evaluate, spec.testLength);
  }

  compile(): RunImage {
    const spec = this.#spec;
    const regions = this.#regions;
    const numbers = Array.from({ length: this.#options.threads }, (_, thread) => thread);
    const control = regions.reserve('control', controlBytes);
    const state = reserveState(regions, spec, 'parameters and optimizer state');
    const snapshot = reserveState(regions, spec, 'snapshot for checkpoints');
    const sums = reserveSums(regions, spec);
    const slots = Array.from({ length: this.#ringDepth() }, () => this.#reserveSlot());
    const bindings = [...this.#train.flat(), ...this.#evaluate];
    const parts = Math.max(0, ...bindings.map(({ work }) => work.fold.length + 1));
    const threads = numbers.map(() => reserveThread(regions, spec, parts));
    const work = numbers.map((thread) =>
      reserveWork(
        regions,
        spec,
        bindings.map(({ program, work }) => this.#plans.sizes(program, work, thread)).reduce(largerSizes, noSizes),
      ),
    );
    const groupConstants = runGroups(spec).map(({ phase, optimizer, group }) =>
      this.#constant(Float64Array.from(hyperConstants(optimizer, group, spec.phases[phase]?.clipValue))),
    );
    const one = this.#constant(Float32Array.of(1));

    const shared = { state, snapshot, ...sums, slots, threads, work, groupConstants, one };
    const first = this.#train[0] as readonly Binding[];
    // Scripts first: their tapes take room as well.
    const scripts = numbers.map((thread) => this.#script(thread, control, shared));
    return {
      bytes: regions.bytes,
      breakdown: regions.breakdown(),
      scripts,
      slots,
      control,
      state,
      snapshot,
      liveGroups: threads[0]?.groups ?? [],
      gradients: first.map((binding) => rootOf(binding.work, work)),
      contexts: threads.map(({ context }) => context),
      trainBatches: first.map(({ work }) => work.batch),
      evaluateBatches: this.#evaluate.map(({ work }) => work.batch),
      idleThreads: first[0]?.work.idle ?? 0,
      contents: this.#contents,
    };
  }

  #bind(program: Program, batch: number): Binding {
    const { threads, mergeLimit, reduce } = this.#options;
    const mayMerge = (segments: readonly number[]) => segments.length <= mergeLimit;
    const apart = reduce === 'bf16' && program !== this.#spec.evaluate;
    return { program, work: planWork({ batch, shards: this.#spec.batch.shards, threads, mayMerge, apart }) };
  }

  /** Every slot has its own copy of what computes on its batch. */
  #ringDepth(): number {
    const { fields, gathered } = this.#spec;
    const bindings = [...this.#train.flat(), ...this.#evaluate];
    const instructions = bindings.map(({ program, work }) => {
      const runs = work.threads.flatMap(({ items }) => items.filter(({ kind }) => kind === 'run')).length;
      return runs * program.nodes.length;
    });
    const batch = Math.max(...bindings.map(({ work }) => work.batch));
    const batchBytes = [...fields, ...gathered].reduce((sum, field) => sum + batch * sampleBytes(field), 0);
    const tapeBytes = instructions.reduce((a, b) => a + b, 0) * instructionBytes;
    return ringDepth(batchBytes + tapeBytes + this.#spec.layout.length * 4);
  }

  #reserveSlot(): Slot {
    const { fields, gathered, scalars } = this.#spec;
    const bindings = [...this.#train.flat(), ...this.#evaluate];
    return reserveSlot(this.#regions, {
      fields,
      gathered,
      samples: Math.max(...bindings.map(({ work }) => work.batch)),
      groups: runGroups(this.#spec).length,
      scalars,
      statistics: mostStatistics(this.#spec).length,
      watched: this.#spec.watchEvery > 0 ? parameterPieces(this.#spec).length : 0,
    });
  }

  #script(thread: number, control: number, shared: Places): ThreadScript {
    const own = shared.threads[thread] as ThreadPlaces;
    return {
      thread,
      threads: this.#options.threads,
      control,
      slots: shared.slots.map(({ header }) => header),
      errorFlag: own.context + 32,
      status: own.record + 12,
      progress: own.progress,
      resumed: own.resumed,
      stopAtNonFinite: this.#spec.nonFinite === 'stop',
      train: this.#train.map((bindings, phase) =>
        bindings.map((binding) => this.#trainTapes(thread, phase, binding, shared)),
      ),
      evaluate: this.#evaluate.map((binding) => this.#evaluateTapes(thread, binding, shared)),
      updates: [],
      ranges: 0,
      stages: 0,
      hyper: this.#updates.hyper(thread, shared),
      snapshot: this.#tape((tape) => this.#writeSnapshot(tape, thread, shared)),
      firstHash: this.#updates.firstHash(thread, shared),
      digest: this.#updates.digest(thread, shared),
    };
  }

  #writeSnapshot(tape: TapeWriter, thread: number, { state, snapshot, threads }: Places): void {
    const slice = sliceOf(this.#spec.layout.length, thread, this.#options.threads);
    const copySlice = (to: number, from: number) =>
      copyWords(tape, to + slice.from * 4, from + slice.from * 4, slice.to - slice.from);
    copySlice(snapshot.parameters, state.parameters);
    snapshot.vectors.forEach((vector, i) => {
      copySlice(vector, state.vectors[i] as number);
    });
    if (thread > 0) return;
    snapshot.groups.forEach((group, g) => {
      copyWords(tape, group, threads[thread]?.groups[g] as number, 6);
    });
  }

  #trainTapes(thread: number, phase: number, binding: Binding, shared: Places): TrainTapes {
    const root = rootOf(binding.work, shared.work);
    const rounded = roundedElements(this.#spec, this.#options.reduce);
    const source = { phase, fold: foldAddresses(shared.work, binding.work), rounded, root, from: 0 };
    return {
      compute: this.#computeTapes(thread, binding, shared),
      ...this.#updates.tapes(thread, source, shared),
    };
  }

  #evaluateTapes(thread: number, binding: Binding, shared: Places): EvaluateTapes {
    const own = shared.threads[thread] as ThreadPlaces;
    const statistics = binding.program.statistics.length;
    const parts = { fold: foldAddresses(shared.work, binding.work), root: rootOf(binding.work, shared.work) };
    return {
      compute: this.#computeTapes(thread, binding, shared),
      report: shared.slots.map((slot) =>
        this.#tape((tape) => {
          if (thread > 0) return;
          foldStatistics(tape, own, parts, 0, statistics);
          copyWords(tape, slot.statistics, own.sums, statistics);
        }),
      ),
    };
  }

  /** By slot. */
  #computeTapes(thread: number, { program, work }: Binding, shared: Places): TapeRange[] {
    const items = work.threads[thread]?.items ?? [];
    const { reduce } = this.#options;
    const [own, at] = [shared.threads[thread] as ThreadPlaces, shared.work[thread] as ThreadWork];
    return shared.slots.map((slot) => {
      const places = { own, work: at, slot, state: shared.state };
      const tapes = shardTapes(this.#spec, { program, items, plans: this.#plans, reduce }, places);
      return this.#tape((tape) => tape.append(tapes[0] as Uint32Array));
    });
  }

  #tape(write: (tape: TapeWriter) => void): TapeRange {
    const tape = new TapeWriter();
    write(tape);
    const words = tape.finish();
    const from = this.#regions.reserve('tapes', words.byteLength);
    if (words.length > 0) this.#contents.push({ address: from, words });
    return { from, to: from + words.byteLength };
  }

  #constant(values: Float64Array | Float32Array): number {
    const words = new Uint32Array(values.buffer as ArrayBuffer);
    const address = this.#regions.reserve('control', words.byteLength);
    this.#contents.push({ address, words });
    return address;
  }
}

/** Where the sum over a whole batch comes to lie. */
const rootOf = ({ nodes }: WorkPlan, work: readonly ThreadWork[]): number =>
  bufferAddress(work, (nodes[0] as WorkPlan['nodes'][number]).buffer);

/** The whole batch, and the last one of an epoch where it is smaller. */
function batchSizes(length: number, size: number): number[] {
  if (length === 0) return [];
  if (length <= size) return [length];
  return length % size === 0 ? [size] : [size, length % size];
}
