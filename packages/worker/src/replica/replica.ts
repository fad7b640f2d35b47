import { deriveKey, type JobSpec, type LoadedKernels, LockstepError, type PhaseSpec } from '@lockstep/core/internal';
import { type BadIndex, readBadIndex } from '../memory/bad-index.ts';
import type { Slice } from '../memory/block-slices.ts';
import { parameterPieces } from '../memory/pieces.ts';
import { Ring } from '../memory/ring.ts';
import type { Reduction } from '../memory/rounding.ts';
import { runGroups } from '../memory/run-state.ts';
import { type SlotKind, slotKind, stepStatus } from '../memory/slot.ts';
import { type FieldView, type SlotAnswer, type SlotHeader, SlotView } from '../memory/slot-view.ts';
import { mostStages } from '../memory/stages.ts';
import { readState, type StateView, viewState, writeState } from '../memory/state-view.ts';
import type { TrainingState } from '../memory/training-state.ts';
import { ComputePool } from '../thread/pool.ts';
import { Rescue, type Rescued } from '../thread/rescue.ts';
import type { ThreadFault } from '../thread/thread-fault.ts';
import { type ComputeRequest, checkRequest, type UpdateRequest } from './compute-request.ts';
import { type CompiledRanges, RangeCompiler } from './range-compiler.ts';
import { batchPlaces, layOutReplica, type ReplicaImage } from './replica-image.ts';
import { StageWatch } from './stage-watch.ts';
import { WorkArea } from './work-area.ts';

/** 256 KiB: what takes a network as long as a wake-up or two. */
const defaultStageElements = 65536;

export interface ReplicaOptions {
  readonly spec: JobSpec;
  readonly kernels: LoadedKernels;
  readonly threads: number;
  /** Most bytes of shared memory. */
  readonly limitBytes: number;
  /** Several shards through the kernels as one batch; default true. Changes the speed and no bit. */
  readonly mergeShards?: boolean;
  /** Of the run; default f32. */
  readonly reduce?: Reduction;
  /** Least elements of a part that `onFinal` hears of. */
  readonly stageElements?: number;
  /** Whether it applies updates (default); if not it holds parameters only, and where the job has one the moving average. */
  readonly updates?: boolean;
  /** Told after compute threads died and were replaced. */
  readonly onRescue?: (rescued: Rescued) => void;
  /** For tests: threads that die. */
  readonly threadFaults?: readonly ThreadFault[];
}

/** A node of the canonical tree: shards `lo` (inclusive) to `hi` (exclusive). */
export interface NodeResult {
  readonly lo: number;
  readonly hi: number;
  /** Gradient sums in the layout of the job (absent in an evaluation), then the Program's statistics. A view: it holds until the next compute. */
  readonly values: Float32Array;
}

export type Computed =
  | {
      readonly status: 'computed';
      /** The maximal sub-trees of each range, those without samples left out. */
      readonly nodes: readonly NodeResult[];
      readonly computeMs: number;
      /** Of an evaluation: arrays over the whole batch, filled where this replica's samples are. Views until the next compute but one. */
      readonly outputs: Readonly<Record<string, FieldView>>;
    }
  /** Data brought an index out of range; the replica is of no more use. */
  | { readonly status: 'badIndex'; readonly found: BadIndex };

/** What of the nodes of a compute is final while the rest is computed. */
export interface FinalPart {
  readonly nodes: readonly NodeResult[];
  /** Elements of every node's vector. */
  readonly slices: readonly Slice[];
}

/**
 * A copy of the model that computes shards and applies updates, on threads of its own, and knows nothing of transport. Any split of the shards
 * over any number of replicas with any threads, folded by the tree, gives the bits of a run on one machine. One order at a time.
 */
export class Replica {
  /** To be filled with the root of the tree, gradient sums then statistics, before `update`; it is not changed. Empty where there are no updates. */
  readonly reduced: Float32Array;
  readonly #spec: JobSpec;
  readonly #image: ReplicaImage;
  readonly #area: WorkArea;
  readonly #compiler: RangeCompiler;
  readonly #pool: ComputePool;
  readonly #rescue: Rescue;
  readonly #onRescue: (rescued: Rescued) => void;
  readonly #ring: Ring;
  readonly #slots: readonly SlotView[];
  readonly #words: readonly Uint32Array[];
  readonly #stages: StageWatch;
  readonly #state: StateView;
  /** Where thread 0 keeps the groups' states; all threads' are alike. */
  readonly #threadGroups: readonly Float64Array[];
  /** Place of the next batch. */
  #place = 0;
  #busy = false;
  /** Whether parts of what is being computed are told when they are final. */
  #telling = false;
  #closed = false;

  private constructor(options: ReplicaOptions) {
    const { spec, kernels, threads, limitBytes, mergeShards = true, reduce = 'f32', updates = true } = options;
    const { stageElements = defaultStageElements } = options;
    const image = layOutReplica(spec, { threads, updates });
    this.#spec = spec;
    this.#image = image;
    this.#area = new WorkArea(spec, threads, image, limitBytes);
    const { memory } = this.#area;
    const { buffer } = memory;
    this.#compiler = new RangeCompiler(spec, image, this.#area, { mergeShards, reduce, stageElements });
    for (const { address, words } of image.contents) new Uint32Array(buffer, address, words.length).set(words);
    const watched = updates && spec.watchEvery > 0 ? parameterPieces(spec).length : 0;
    const groups = runGroups(spec).length;
    this.#slots = image.slots.map((slot) => new SlotView(buffer, slot, spec, groups, watched));
    this.#words = image.ranges.map((address) => new Uint32Array(buffer, address, 1 + 4 * mostStages));
    this.#stages = new StageWatch(buffer, image.stages);
    this.#state = viewState(buffer, spec, image.state);
    this.#threadGroups = (image.threads[0]?.groups ?? []).map((address) => new Float64Array(buffer, address, 3));
    const statistics = Math.max(...spec.phases.map(({ program }) => program.statistics.length));
    this.reduced = new Float32Array(buffer, image.reduced, updates ? spec.layout.length + statistics : 0);
    this.#ring = new Ring(buffer, image.control);
    const faults = options.threadFaults ?? [];
    this.#pool = new ComputePool(image.scripts, memory, kernels, { heapProbeAt: -1, profile: false, faults });
    const contexts = image.threads.map(({ context }) => context);
    const { scripts } = image;
    this.#rescue = new Rescue({
      pool: this.#pool,
      ring: this.#ring,
      memory,
      scripts,
      contexts,
      stages: image.stages,
      handedOver: () => this.#telling && this.#stages.done > 0,
    });
    this.#onRescue = options.onRescue ?? (() => undefined);
  }

  /**
   * Its parameters are zeros until `load`.
   *
   * @throws MemoryLimitError where the job does not fit, LockstepError where this machine computes other bits
   */
  static async start(options: ReplicaOptions): Promise<Replica> {
    const replica = new Replica(options);
    try {
      for (const { program } of options.spec.phases) replica.#compiler.check(program);
      await replica.refresh();
      return replica;
    } catch (error) {
      await replica.close();
      throw error;
    }
  }

  /** Bytes of shared memory; they grow with the work. */
  get memoryBytes(): number {
    return this.#area.bytes;
  }

  /** Arrays over the whole next batch, by field; only rows of the samples that are computed here need be filled. May be filled while another batch is computed. */
  inputs(samples: number): Readonly<Record<string, FieldView>> {
    return (this.#slots[this.#place] as SlotView).fields(samples);
  }

  /**
   * Forward and backward (or the evaluation) of some shards of the batch in `inputs`.
   *
   * @param onFinal hears during the backward pass of parts of the nodes that are final, last layers first; what it has not heard of is final when
   *   all is computed. Void where the answer is `badIndex`
   * @throws UsageError for a request that the job cannot have, MemoryLimitError where even single shards do not fit
   */
  async compute(request: ComputeRequest, onFinal?: (part: FinalPart) => void): Promise<Computed> {
    checkRequest(this.#spec, request);
    const { kind, samples, ranges, scalars } = request;
    const place = this.#place;
    const program = kind === 'train' ? this.#phase(request.phase).program : this.#spec.evaluate;
    const compiled = this.#compiler.compile({ program, samples, ranges, place, inStages: onFinal !== undefined });
    this.#place = (place + 1) % batchPlaces;
    const outputs = kind === 'evaluate' ? (this.#slots[place] as SlotView).gathered(samples) : {};
    if (compiled.nodes.length === 0) return { status: 'computed', nodes: [], computeMs: 0, outputs };
    this.#words.forEach((words, thread) => {
      const stages = compiled.threads[thread] as CompiledRanges['threads'][number];
      words.set([stages.length, ...stages.flatMap(({ shards, fold }) => [shards.from, shards.to, fold.from, fold.to])]);
    });
    const startedAt = performance.now();
    const key = request.key ?? this.#key(request);
    const nodes = this.#nodes(compiled);
    const telling = onFinal && this.#stages.watch(compiled.stages, (slices) => onFinal({ nodes, slices }));
    this.#telling = telling !== undefined;
    const order = this.#order({ kind: slotKind.compute, key }, { learningRates: [], scalars });
    const { status } = await order.finally(() => {
      this.#telling = false;
      telling?.end();
    });
    const computeMs = performance.now() - startedAt;
    if (status === stepStatus.badIndex) return { status: 'badIndex', found: this.#badIndex() };
    return { status: 'computed', nodes, computeMs, outputs };
  }

  /** Penalties, norm, clipping, optimizer, buffers, moving average, from what lies in `reduced`. Arrays of the answer are views until the next order. */
  async update({ phase, learningRates }: UpdateRequest): Promise<SlotAnswer> {
    const { program } = this.#phase(phase);
    const answer = await this.#order(
      { kind: slotKind.update, phase },
      { learningRates, scalars: [] },
      program.statistics.length,
    );
    this.#state.groups.forEach((group, g) => {
      group.set(this.#threadGroups[g] as Float64Array);
    });
    return answer;
  }

  /** Live views: they change with `update`. Whoever writes to them calls `refresh` before the next update. */
  get state(): StateView {
    return this.#state;
  }

  /** Takes over what was written to `state`. @returns the digest of the parameters */
  async refresh(): Promise<string> {
    const { digest } = await this.#order({ kind: slotKind.load }, { learningRates: [], scalars: [] });
    return digest;
  }

  /** Goes on from another state. @returns the digest of its parameters */
  load(state: TrainingState): Promise<string> {
    writeState(this.#state, state);
    return this.refresh();
  }

  /** A copy of the state after `step` steps. */
  snapshot(step: number): TrainingState {
    return readState(this.#state, step);
  }

  /** Ends its threads; what is computed is given up. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#ring.poison();
    // Threads that wait leave by themselves; those that compute are not waited for.
    if (!this.#busy) await this.#pool.casualties();
    await this.#pool.close();
  }

  /** Hands the threads one slot and waits until all are done with it. */
  async #order(header: SlotHeader & { kind: SlotKind }, values: Values, statistics = 0): Promise<SlotAnswer> {
    if (this.#busy) throw new Error('a replica takes one order at a time');
    this.#busy = true;
    const ring = this.#slots[0] as SlotView;
    ring.write(header, values);
    this.#ring.publish();
    try {
      const rescues: Rescued[] = [];
      while ((await this.#ring.answered(this.#ring.filled)) < 0) {
        if (this.#closed) throw new LockstepError('The replica was closed.');
        rescues.push(await this.#rescue.rescue());
      }
      for (const rescued of rescues) this.#onRescue(rescued);
    } finally {
      this.#busy = false;
    }
    return ring.answer(statistics);
  }

  #phase(phase: number): PhaseSpec {
    return this.#spec.phases[phase] as PhaseSpec;
  }

  #key(request: ComputeRequest): readonly [number, number] {
    const { seed } = this.#spec;
    return request.kind === 'train'
      ? deriveKey(seed, 'dropout', request.step, request.phase)
      : // The same noise at every evaluation, other noise for every batch.
        deriveKey(seed, 'noise', request.firstSample);
  }

  #nodes({ nodes, length }: CompiledRanges): NodeResult[] {
    const { buffer } = this.#area.memory;
    return nodes.map(({ lo, hi, address }) => ({ lo, hi, values: new Float32Array(buffer, address, length) }));
  }

  #badIndex(): BadIndex {
    const contexts = this.#image.threads.map(({ context }) => context);
    return readBadIndex(this.#area.memory.buffer, contexts) as BadIndex;
  }
}

type Values = Parameters<SlotView['write']>[1];
