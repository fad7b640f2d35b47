import {
  blockElements,
  type FieldSpec,
  hyperConstants,
  type JobSpec,
  type Plan,
  type Program,
  planProgram,
  TapeWriter,
  writeHyper,
} from '@lockstep/core/internal';
import { controlBytes } from '../control-block.ts';
import { planWork, type WorkItem, type WorkPlan } from '../sharding/work.ts';
import type { EvaluateTapes, TapeRange, ThreadScript, TrainTapes } from '../thread-script.ts';
import { type Slice, sliceOf } from './block-slices.ts';
import { countPieces, type PenaltyPiece, type PiecewiseParameter, parameterPieces, penaltyPieces } from './pieces.ts';
import {
  bufferAddress,
  foldAddresses,
  mostStatistics,
  reserveState,
  reserveThread,
  type SharedPlaces,
  type ThreadPlaces,
} from './places.ts';
import { Regions } from './regions.ts';
import { ringDepth } from './ring-depth.ts';
import type { RunImage } from './run-image.ts';
import { emaVector, runGroups, runVectors } from './run-state.ts';
import { reserveSlot, type Slot, sampleBytes, slotWord } from './slot.ts';
import { combineHashes, copyWords, foldSlice, foldStatistics, hashSlice, updateSlice } from './tapes.ts';

export interface CompileOptions {
  readonly threads: number;
  /** Most shards that may go through the kernels as one batch; 1 = one by one. Speed and memory only. */
  readonly mergeLimit: number;
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

class RunCompiler {
  readonly #spec: JobSpec;
  readonly #options: CompileOptions;
  readonly #regions = new Regions();
  readonly #plans = new Map<Program, Map<string, Plan>>();
  readonly #contents: { address: number; words: Uint32Array }[] = [];
  /** By phase, then by batch size. */
  readonly #train: readonly (readonly Binding[])[];
  readonly #evaluate: readonly Binding[];
  readonly #watched: readonly PiecewiseParameter[];
  readonly #penalties: readonly (readonly PenaltyPiece[])[];

  constructor(spec: JobSpec, options: CompileOptions) {
    this.#spec = spec;
    this.#options = options;
    const bind = (program: Program, length: number) =>
      batchSizes(length, spec.batch.size).map((batch) => this.#bind(program, batch));
    this.#train = spec.phases.map(({ program }) => bind(program, spec.trainLength));
    this.#evaluate = bind(spec.evaluate, spec.testLength);
    this.#watched = spec.watchEvery > 0 ? parameterPieces(spec) : [];
    this.#penalties = spec.phases.map(({ penalties }) => penaltyPieces(spec, penalties));
  }

  compile(): RunImage {
    const spec = this.#spec;
    const regions = this.#regions;
    const control = regions.reserve('control', controlBytes);
    const state = reserveState(regions, spec, 'parameters and optimizer state');
    const snapshot = reserveState(regions, spec, 'snapshot for checkpoints');
    const doubles = (count: number) => regions.reserve('norms and hashes', count * 8);
    const squares = doubles(blocksIn(spec.layout.trained));
    const hashes = regions.reserve('norms and hashes', blocksIn(spec.layout.length) * 16 * 2 + 64);
    const penalties = this.#penalties.map((pieces) => doubles(pieces.length));
    const watched = doubles(countPieces(this.#watched));
    const slots = Array.from({ length: this.#ringDepth() }, () => this.#reserveSlot());
    const threads = Array.from({ length: this.#options.threads }, (_, thread) => this.#reserveThread(thread));
    const groupConstants = runGroups(spec).map(({ phase, optimizer, group }) =>
      this.#constant(Float64Array.from(hyperConstants(optimizer, group, spec.phases[phase]?.clipValue))),
    );
    const one = this.#constant(Float32Array.of(1));

    const shared = { state, snapshot, squares, hashes, penalties, watched, slots, threads, groupConstants, one };
    const first = this.#train[0] as readonly Binding[];
    // Scripts first: their tapes take room as well.
    const scripts = threads.map((_, thread) => this.#script(thread, control, shared));
    return {
      bytes: regions.bytes,
      breakdown: regions.breakdown(),
      scripts,
      slots,
      control,
      state,
      snapshot,
      gradients: first.map(({ work }) => bufferAddress(threads, work.root)),
      contexts: threads.map(({ context }) => context),
      trainBatches: first.map(({ work }) => work.batch),
      evaluateBatches: this.#evaluate.map(({ work }) => work.batch),
      idleThreads: first[0]?.work.idle ?? 0,
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
    const plans = this.#plans.get(program) ?? new Map<string, Plan>();
    this.#plans.set(program, plans);
    const key = `${segments.join()} ${groups.join()}`;
    const known = plans.get(key);
    if (known) return known;
    const plan = planProgram({ program, layout: this.#spec.layout, segments, groups });
    plans.set(key, plan);
    return plan;
  }

  /** Every slot has its own copy of what computes on its batch. */
  #ringDepth(): number {
    const { fields, gathered } = this.#spec;
    const bindings = [...this.#train.flat(), ...this.#evaluate];
    const instructions = bindings.map(({ program, work }) => {
      const runs = work.threads.flatMap(({ items }) => runsOf(items)).length;
      return runs * program.nodes.length;
    });
    const batch = Math.max(...bindings.map(({ work }) => work.batch));
    const batchBytes = [...fields, ...gathered].reduce((sum, field) => sum + batch * sampleBytes(field), 0);
    return ringDepth(batchBytes + instructions.reduce((a, b) => a + b, 0) * instructionBytes);
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
      watched: this.#watched.length,
    });
  }

  #reserveThread(thread: number): ThreadPlaces {
    const bindings = [...this.#train.flat(), ...this.#evaluate];
    const plans = bindings.flatMap(({ program, work }) =>
      runsOf(work.threads[thread]?.items ?? []).map((item) => this.#plan(program, item)),
    );
    const most = (values: readonly number[]) => Math.max(0, ...values);
    return reserveThread(this.#regions, this.#spec, {
      arenaBytes: most(plans.map(({ arenaBytes }) => arenaBytes)),
      scratchBytes: most(plans.map(({ scratchBytes }) => scratchBytes)),
      buffers: most(bindings.map(({ work }) => work.threads[thread]?.buffers ?? 0)),
      parts: most(bindings.map(({ work }) => work.fold.length + 1)),
    });
  }

  #script(thread: number, control: number, shared: SharedPlaces): ThreadScript {
    const { state, snapshot, hashes, slots } = shared;
    const slice = this.#slice(thread);
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
      train: this.#train.map((bindings, phase) =>
        bindings.map((binding) => this.#trainTapes(thread, phase, binding, shared)),
      ),
      evaluate: this.#evaluate.map((binding) => this.#evaluateTapes(thread, binding, shared)),
      hyper: this.#train.map((_, phase) =>
        slots.map((slot) => this.#tape((tape) => this.#writeHyper(tape, phase, own, slot, shared))),
      ),
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

  #slice(thread: number): Slice {
    return sliceOf(this.#spec.layout.length, thread, this.#options.threads);
  }

  #trainTapes(thread: number, phase: number, binding: Binding, shared: SharedPlaces): TrainTapes {
    const { squares, hashes, slots, threads } = shared;
    const { work, program } = binding;
    const { layout, phases } = this.#spec;
    const own = threads[thread] as ThreadPlaces;
    const statistics = program.statistics.length;
    const root = bufferAddress(threads, work.root);
    const slice = this.#slice(thread);
    const fold = {
      fold: foldAddresses(threads, work),
      root,
      weight: own.sums + 4,
      penaltyPieces: this.#penalties[phase] as readonly PenaltyPiece[],
      penaltyValues: shared.penalties[phase] as number,
      watched: this.#watched,
    };
    return {
      compute: slots.map((slot) => this.#tape((tape) => this.#writeRuns(tape, thread, binding, slot, shared))),
      fold: this.#tape((tape) => {
        foldStatistics(tape, own, threads, work, layout.length, statistics);
        foldSlice(tape, slice, layout.trained, shared, fold);
      }),
      decide: this.#tape((tape) => {
        const clip = { f32: phases[phase]?.clipNorm ?? 0 };
        tape.kernel('decide', own.record, own.sums, squares, blocksIn(layout.trained), clip);
      }),
      update: this.#tape((tape) => updateSlice(tape, slice, this.#spec, phase, shared, own, root)),
      report: slots.map((slot) =>
        this.#tape((tape) => {
          if (thread === 0) this.#writeReport(tape, phase, statistics, own, slot, shared);
        }),
      ),
      digest: slots.map((slot) =>
        this.#tape((tape) => {
          if (thread === 0) combineHashes(tape, hashes, blocksIn(layout.length), slot.digest);
        }),
      ),
    };
  }

  #writeReport(
    tape: TapeWriter,
    phase: number,
    statistics: number,
    own: ThreadPlaces,
    slot: Slot,
    shared: SharedPlaces,
  ): void {
    copyWords(tape, slot.statistics, own.sums, statistics);
    copyWords(tape, slot.record, own.record, 4);
    const penalties = (this.#penalties[phase] as readonly PenaltyPiece[]).length;
    if (penalties > 0) tape.kernel('treeSumDoubles', slot.penalty, shared.penalties[phase] as number, penalties);
    this.#watched.forEach(({ pieces }, i) => {
      const from = shared.watched + (pieces[0]?.index ?? 0) * 8;
      if (pieces.length > 0) tape.kernel('treeSumDoubles', slot.gradientSquares + i * 8, from, pieces.length);
    });
  }

  #evaluateTapes(thread: number, binding: Binding, shared: SharedPlaces): EvaluateTapes {
    const { slots, threads } = shared;
    const own = threads[thread] as ThreadPlaces;
    const statistics = binding.program.statistics.length;
    return {
      compute: slots.map((slot) => this.#tape((tape) => this.#writeRuns(tape, thread, binding, slot, shared))),
      report: slots.map((slot) =>
        this.#tape((tape) => {
          if (thread > 0) return;
          foldStatistics(tape, own, threads, binding.work, 0, statistics);
          copyWords(tape, slot.statistics, own.sums, statistics);
        }),
      ),
    };
  }

  #writeRuns(tape: TapeWriter, thread: number, { program, work }: Binding, slot: Slot, shared: SharedPlaces): void {
    const own = shared.threads[thread] as ThreadPlaces;
    const evaluated = program === this.#spec.evaluate;
    const length = (evaluated ? 0 : this.#spec.layout.length) + program.statistics.length;
    const average = evaluated ? shared.state.vectors[runVectors(this.#spec).indexOf(emaVector)] : undefined;
    copyWords(tape, own.context, slot.header + slotWord.key0 * 4, 2);
    for (const item of work.threads[thread]?.items ?? []) {
      if (item.kind === 'add') {
        const into = own.buffers[item.into] as number;
        tape.kernel('addInto', into, into, own.buffers[item.from] as number, length);
        continue;
      }
      tape.kernel('literal', own.context + 8, 1, item.position);
      const from = (fields: readonly FieldSpec[], addresses: Readonly<Record<string, number>>) =>
        Object.fromEntries(
          fields.map((field) => [field.name, (addresses[field.name] as number) + item.position * sampleBytes(field)]),
        );
      tape.append(
        this.#plan(program, item).encode({
          parameters: average ?? shared.state.parameters,
          inputs: from(this.#spec.fields, slot.inputs),
          scalars: slot.scalars,
          context: own.context,
          scratch: own.scratch,
          arena: own.arena,
          results: item.buffers.map((buffer) => own.buffers[buffer] as number),
          outputs: evaluated ? from(this.#spec.gathered, slot.gathered) : {},
        }),
      );
    }
  }

  #writeHyper(
    tape: TapeWriter,
    phase: number,
    own: ThreadPlaces,
    slot: Slot,
    { groupConstants }: Pick<SharedPlaces, 'groupConstants'>,
  ): void {
    runGroups(this.#spec).forEach((group, g) => {
      if (group.phase !== phase) return;
      writeHyper(tape, group.optimizer, group.group, {
        block: own.hyper[g] as number,
        state: own.groups[g] as number,
        constants: groupConstants[g] as number,
        rate: slot.learningRates + g * 8,
        record: own.record,
      });
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

const blocksIn = (elements: number): number => Math.max(1, Math.ceil(elements / blockElements));

/** The whole batch, and the last one of an epoch where it is smaller. */
function batchSizes(length: number, size: number): number[] {
  if (length === 0) return [];
  if (length <= size) return [length];
  return length % size === 0 ? [size] : [size, length % size];
}

const runsOf = (items: readonly WorkItem[]) => items.filter((item) => item.kind === 'run');
