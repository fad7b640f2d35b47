import {
  hyperLength,
  type JobSpec,
  type Plan,
  type Program,
  planProgram,
  resultLayoutOf,
  stateVectors,
  TapeWriter,
} from '@lockstep/core/internal';
import { controlBytes } from '../control-block.ts';
import { type BufferId, planWork, type WorkItem, type WorkPlan } from '../sharding/work.ts';
import type { EvaluateTapes, TapeRange, ThreadScript, TrainTapes } from '../thread-script.ts';
import { blockElements, sliceOf } from './block-slices.ts';
import { Regions } from './regions.ts';
import type { RunImage, StateAddresses } from './run-image.ts';
import { reserveSlot, type Slot, sampleBytes, slotWord } from './slot.ts';
import { combineHashes, copyWords, foldSlice, groupOptions, hashSlice, updateSlice } from './tapes.ts';

export interface CompileOptions {
  readonly threads: number;
  /** Most shards that may go through the kernels as one batch; 1 = one by one. Speed and memory only. */
  readonly mergeLimit: number;
}

/** Batches that are prepared ahead. */
const ringSlots = 3;
const contextBytes = 256;

/** Lays out a run and writes all its tapes: everything the threads do is decided here, before they start. */
export function compileRun(spec: JobSpec, options: CompileOptions): RunImage {
  return new RunCompiler(spec, options).compile();
}

/** What belongs to one thread alone. */
interface ThreadPlaces {
  readonly context: number;
  readonly record: number;
  readonly groups: readonly number[];
  readonly hyper: readonly number[];
  readonly arena: number;
  readonly scratch: number;
  readonly buffers: readonly number[];
}

interface Binding {
  readonly program: Program;
  readonly work: WorkPlan;
}

class RunCompiler {
  readonly #spec: JobSpec;
  readonly #options: CompileOptions;
  readonly #regions = new Regions();
  readonly #plans = new Map<string, Plan>();
  readonly #contents: { address: number; words: Uint32Array }[] = [];
  readonly #train: readonly Binding[];
  readonly #evaluate: readonly Binding[];

  constructor(spec: JobSpec, options: CompileOptions) {
    this.#spec = spec;
    this.#options = options;
    this.#train = batchSizes(spec.trainLength, spec.batch.size).map((batch) => this.#bind(spec.train, batch));
    this.#evaluate = batchSizes(spec.testLength, spec.batch.size).map((batch) => this.#bind(spec.evaluate, batch));
  }

  compile(): RunImage {
    const { layout, optimizer, fields, scalars } = this.#spec;
    const regions = this.#regions;
    const control = regions.reserve('control', controlBytes);
    const state = this.#reserveState('parameters and optimizer state');
    const snapshot = this.#reserveState('snapshot for checkpoints');
    const blocks = Math.max(1, Math.ceil(layout.length / blockElements));
    const squares = regions.reserve('norms and hashes', blocks * 8);
    const hashes = regions.reserve('norms and hashes', blocks * 16 * 2 + 64);
    const slots = Array.from({ length: ringSlots }, () =>
      reserveSlot(regions, {
        fields,
        samples: Math.max(...[...this.#train, ...this.#evaluate].map(({ work }) => work.batch)),
        groups: optimizer.groups.length,
        scalars,
        statistics: Math.max(this.#spec.train.statistics.length, this.#spec.evaluate.statistics.length),
      }),
    );
    const threads = Array.from({ length: this.#options.threads }, (_, thread) => this.#reserveThread(thread));
    const groupConstants = optimizer.groups.map((_, g) => this.#constant(groupOptions(optimizer, g)));

    const shared = { state, snapshot, squares, hashes, blocks, slots, threads, groupConstants };
    const scripts = threads.map((_, thread) => this.#script(thread, control, shared));
    return {
      bytes: regions.bytes,
      breakdown: regions.breakdown(),
      scripts,
      slots,
      control,
      state,
      snapshot,
      gradients: this.#train.map(({ work }) => bufferAddress(threads, work.root)),
      contexts: threads.map(({ context }) => context),
      trainBatches: this.#train.map(({ work }) => work.batch),
      evaluateBatches: this.#evaluate.map(({ work }) => work.batch),
      idleThreads: this.#train[0]?.work.idle ?? 0,
      contents: this.#contents,
    };
  }

  #bind(program: Program, batch: number): Binding {
    const mayMerge = (segments: readonly number[]) => segments.length <= this.#options.mergeLimit;
    return {
      program,
      work: planWork({ batch, shards: this.#spec.batch.shards, threads: this.#options.threads, mayMerge }),
    };
  }

  #plan(program: Program, { segments, groups }: Extract<WorkItem, { kind: 'run' }>): Plan {
    const key = `${program === this.#spec.train ? 'train' : 'evaluate'} ${segments.join()} ${groups.join()}`;
    const known = this.#plans.get(key);
    if (known) return known;
    const plan = planProgram({ program, layout: this.#spec.layout, segments, groups });
    this.#plans.set(key, plan);
    return plan;
  }

  #reserveState(what: string): StateAddresses {
    const { layout, optimizer } = this.#spec;
    return {
      parameters: this.#regions.reserve(what, layout.length * 4),
      vectors: stateVectors(optimizer).map(() => this.#regions.reserve(what, layout.length * 4)),
      groups: optimizer.groups.map(() => this.#regions.reserve(what, 24)),
    };
  }

  #reserveThread(thread: number): ThreadPlaces {
    const { optimizer } = this.#spec;
    const regions = this.#regions;
    const bindings = [...this.#train, ...this.#evaluate];
    const plans = bindings.flatMap(({ program, work }) =>
      runsOf(work.threads[thread]?.items ?? []).map((item) => this.#plan(program, item)),
    );
    const most = (values: readonly number[]) => Math.max(0, ...values);
    const result = resultLayoutOf(
      this.#spec.layout,
      this.#spec.train.statistics.map(({ name }) => name),
    ).length;
    const evaluated = resultLayoutOf(
      undefined,
      this.#spec.evaluate.statistics.map(({ name }) => name),
    ).length;
    const buffers = most(bindings.map(({ work }) => work.threads[thread]?.buffers ?? 0));
    return {
      context: regions.reserve('control', contextBytes),
      record: regions.reserve('control', 16),
      // The slots' own copies of the groups' state: every thread advances its own, all alike.
      groups: optimizer.groups.map(() => regions.reserve('control', 24)),
      hyper: optimizer.groups.map(() => regions.reserve('control', hyperLength * 4)),
      arena: regions.reserve('activations', most(plans.map(({ arenaBytes }) => arenaBytes))),
      scratch: regions.reserve('kernel scratch', most(plans.map(({ scratchBytes }) => scratchBytes))),
      buffers: Array.from({ length: buffers }, () => regions.reserve('gradients', Math.max(result, evaluated) * 4)),
    };
  }

  #script(thread: number, control: number, shared: Shared): ThreadScript {
    const { state, snapshot, hashes, slots } = shared;
    const { length } = this.#spec.layout;
    const slice = sliceOf(length, thread, this.#options.threads);
    const own = shared.threads[thread] as ThreadPlaces;
    const copySlice = (tape: TapeWriter, to: number, from: number) =>
      copyWords(tape, to + slice.from * 4, from + slice.from * 4, slice.to - slice.from);
    return {
      thread,
      threads: this.#options.threads,
      control,
      slots: slots.map(({ header }) => header),
      errorFlag: own.context + 32,
      status: own.record + 12,
      stopAtNonFinite: this.#spec.nonFinite === 'stop',
      train: this.#train.map((binding) => this.#trainTapes(thread, binding, shared)),
      evaluate: this.#evaluate.map((binding) => this.#evaluateTapes(thread, binding, shared)),
      hyper: slots.map((slot) => this.#tape((tape) => this.#writeHyper(tape, own, slot, shared))),
      snapshot: this.#tape((tape) => {
        copySlice(tape, snapshot.parameters, state.parameters);
        snapshot.vectors.forEach((vector, i) => {
          copySlice(tape, vector, state.vectors[i] as number);
        });
        if (thread > 0) return;
        snapshot.groups.forEach((group, g) => {
          copyWords(tape, group, own.groups[g] as number, 6);
        });
      }),
      firstHash: this.#tape((tape) => {
        own.groups.forEach((group, g) => {
          copyWords(tape, group, state.groups[g] as number, 6);
        });
        hashSlice(tape, slice, state.parameters, hashes);
      }),
    };
  }

  #trainTapes(thread: number, binding: Binding, shared: Shared): TrainTapes {
    const { state, squares, hashes, blocks, slots, threads } = shared;
    const own = threads[thread] as ThreadPlaces;
    const { work } = binding;
    const statistics = this.#spec.train.statistics.length;
    const { gradients } = resultLayoutOf(this.#spec.layout, []);
    const root = bufferAddress(threads, work.root);
    const fold = foldAddresses(threads, work);
    const slice = sliceOf(this.#spec.layout.length, thread, this.#options.threads);
    const sums = root + gradients * 4;
    return {
      compute: slots.map((slot) => this.#tape((tape) => this.#writeRuns(tape, thread, binding, slot, shared))),
      fold: this.#tape((tape) => {
        foldSlice(tape, slice, fold, root, squares);
        if (thread === 0) foldStatistics(tape, fold, gradients, statistics);
      }),
      decide: this.#tape((tape) => {
        tape.kernel('decide', own.record, sums, squares, blocks, { f32: this.#spec.clipNorm ?? 0 });
      }),
      update: this.#tape((tape) => updateSlice(tape, slice, this.#spec, state, root, own.hyper, hashes)),
      report: slots.map((slot) =>
        this.#tape((tape) => {
          if (thread > 0) return;
          copyWords(tape, slot.statistics, sums, statistics);
          copyWords(tape, slot.record, own.record, 4);
        }),
      ),
      digest: slots.map((slot) =>
        this.#tape((tape) => {
          if (thread === 0) combineHashes(tape, hashes, blocks, slot.digest);
        }),
      ),
    };
  }

  #evaluateTapes(thread: number, binding: Binding, shared: Shared): EvaluateTapes {
    const { slots, threads } = shared;
    const statistics = this.#spec.evaluate.statistics.length;
    const fold = foldAddresses(threads, binding.work);
    const root = bufferAddress(threads, binding.work.root);
    return {
      compute: slots.map((slot) => this.#tape((tape) => this.#writeRuns(tape, thread, binding, slot, shared))),
      report: slots.map((slot) =>
        this.#tape((tape) => {
          if (thread > 0) return;
          foldStatistics(tape, fold, 0, statistics);
          copyWords(tape, slot.statistics, root, statistics);
        }),
      ),
    };
  }

  #writeRuns(tape: TapeWriter, thread: number, { program, work }: Binding, slot: Slot, shared: Shared): void {
    const own = shared.threads[thread] as ThreadPlaces;
    const length =
      program === this.#spec.train
        ? resultLayoutOf(
            this.#spec.layout,
            program.statistics.map(({ name }) => name),
          ).length
        : 16;
    copyWords(tape, own.context, slot.header + slotWord.key0 * 4, 2);
    for (const item of work.threads[thread]?.items ?? []) {
      if (item.kind === 'add') {
        const into = own.buffers[item.into] as number;
        tape.kernel('addInto', into, into, own.buffers[item.from] as number, length);
        continue;
      }
      tape.kernel('literal', own.context + 8, 1, item.position);
      const inputs = Object.fromEntries(
        this.#spec.fields.map((field) => [
          field.name,
          (slot.inputs[field.name] as number) + item.position * sampleBytes(field),
        ]),
      );
      tape.append(
        this.#plan(program, item).encode({
          parameters: shared.state.parameters,
          inputs,
          scalars: slot.scalars,
          context: own.context,
          scratch: own.scratch,
          arena: own.arena,
          results: item.buffers.map((buffer) => own.buffers[buffer] as number),
          outputs: {},
        }),
      );
    }
  }

  #writeHyper(tape: TapeWriter, own: ThreadPlaces, slot: Slot, { groupConstants }: Shared): void {
    const kernel = this.#spec.optimizer.kind === 'sgd' ? 'hyperSgd' : 'hyperAdam';
    own.groups.forEach((group, g) => {
      const rate = slot.learningRates + g * 8;
      tape.kernel(kernel, own.hyper[g] as number, group, groupConstants[g] as number, rate, own.record);
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

  #constant(values: readonly number[]): number {
    const words = new Uint32Array(Float64Array.from(values).buffer);
    const address = this.#regions.reserve('control', words.byteLength);
    this.#contents.push({ address, words });
    return address;
  }
}

interface Shared {
  readonly state: StateAddresses;
  readonly snapshot: StateAddresses;
  readonly squares: number;
  readonly hashes: number;
  readonly blocks: number;
  readonly slots: readonly Slot[];
  readonly threads: readonly ThreadPlaces[];
  readonly groupConstants: readonly number[];
}

/** The whole batch, and the last one of an epoch where it is smaller. */
function batchSizes(length: number, size: number): number[] {
  if (length === 0) return [];
  if (length <= size) return [length];
  return length % size === 0 ? [size] : [size, length % size];
}

const runsOf = (items: readonly WorkItem[]) => items.filter((item) => item.kind === 'run');

const bufferAddress = (threads: readonly ThreadPlaces[], { thread, index }: BufferId): number =>
  threads[thread]?.buffers[index] as number;

const foldAddresses = (threads: readonly ThreadPlaces[], { fold }: WorkPlan) =>
  fold.map(({ into, from }) => ({ into: bufferAddress(threads, into), from: bufferAddress(threads, from) }));

function foldStatistics(
  tape: TapeWriter,
  fold: readonly { readonly into: number; readonly from: number }[],
  element: number,
  count: number,
): void {
  for (const { into, from } of fold) {
    tape.kernel('addInto', into + element * 4, into + element * 4, from + element * 4, count);
  }
}
