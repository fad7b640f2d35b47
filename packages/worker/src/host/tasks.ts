import { type JobSpec, LockstepError } from '@lockstep/core/internal';
import type { Compression } from '../compress/compressor.ts';
import { parseCompression } from '../compress/parse-compression.ts';
import type { Board } from '../exchange/board.ts';
import { chunkBytes } from '../exchange/chunks.ts';
import { incarnationTerm } from '../exchange/incarnation-term.ts';
import { bytesSource, type PieceSource, vectorSource } from '../exchange/piece-source.ts';
import { pieces } from '../exchange/pieces.ts';
import type { Publication } from '../exchange/publication.ts';
import { push } from '../exchange/push.ts';
import { BufferSink, openWhile, type Sink, vectorSink } from '../exchange/sink.ts';
import { bytesOf, f32Format, vectorBytes } from '../exchange/vector-format.ts';
import { Encoding, type Piece } from '../gen/lockstep/v1/exchange_pb.ts';
import {
  Mode,
  Placement,
  Reduce,
  type Upcoming,
  type Welcome,
  type Work,
  WorkKind,
} from '../gen/lockstep/v1/training_pb.ts';
import { StatusError } from '../grpc/status-error.ts';
import type { ComputedNode, UpdateResult, WorkerAnswer, WorkerJob } from '../member/effects.ts';
import { describeBadIndex } from '../memory/describe-bad-index.ts';
import type { Reduction } from '../memory/rounding.ts';
import { encodeBatch } from '../protocol/batch.ts';
import { decodeJob, jobDigest, maxJobBytes } from '../protocol/encode-job.ts';
import type { NodeResult } from '../replica/replica.ts';
import { shardsOf } from '../sharding/shards.ts';
import type { TreeNode } from '../sharding/tree.ts';
import { BatchInputs, type WantedBatch } from './batch-inputs.ts';
import { compoundSink, compoundSource, stateParts } from './compound-piece.ts';
import { EarlyNodes } from './early-nodes.ts';
import { exchange } from './exchange-task.ts';
import { foldWays, localRound, wayNodes } from './local-round.ts';
import { encodings, OutgoingSums } from './outgoing-sums.ts';
import type { PiecesOfOthers } from './pieces-of-others.ts';
import { type PlannedJob, type PlanOptions, planJob } from './planned-job.ts';
import { adder, formatOf, nodesOf } from './reduction.ts';
import { WayMemory } from './way-memory.ts';

/** A job that no machine could do: its data or its numbers are the reason. */
export class JobFault extends LockstepError {
  override readonly code = 'JOB_FAULT';
}

/** Shorter sums travel inside `Computed`. In bytes. */
const inlineBytes = 4096;

/** Sums that take fewer bytes leave when all is computed: telling of their parts costs more than it hides. Measured with bench/cluster.ts. */
const earlyBytes = 2 * chunkBytes;

/** Connections over which pushes leave, apart from those of pulls: a push that nobody expects yet holds part of its connection's window. */
const pushChannels = 4;

export interface TaskOptions extends Omit<PlanOptions, 'updates' | 'reduce'> {
  readonly others: PiecesOfOthers;
  readonly coordinator: string;
  /** A job that is laid out already, and shares its replica with the coordinator of the same process. */
  readonly shared?: PlannedJob;
}

/** Does what the state machine of a worker wants done: moves pieces, and drives the replica, one order at a time. */
export class Tasks {
  /** What is put up for others. A new one for each run. */
  board: Board;
  welcome: Welcome | undefined;
  readonly #options: TaskOptions;
  readonly #inputs = new BatchInputs();
  /** What compression left out is of one incarnation: another one goes on from another state. */
  #outgoing: OutgoingSums | undefined;
  #ways: WayMemory | undefined;
  /** Sums and outputs of the item at hand. */
  #offered: Piece[] = [];
  #job: PlannedJob | undefined;
  #orders: Promise<unknown> = Promise.resolve();
  /** Where slices of others' sums are put. */
  readonly #rooms: Float32Array[] = [];
  /** The item whose nodes lie in the replica, and where. */
  #nodes: { item: number; results: readonly NodeResult[] } = { item: 0, results: [] };

  constructor(options: TaskOptions, board: Board) {
    this.#options = options;
    this.board = board;
  }

  async run(job: WorkerJob, signal: AbortSignal): Promise<WorkerAnswer> {
    switch (job.kind) {
      case 'prepare':
        return this.order(() => this.#prepare(job.run, job.term, job.jobDigest, signal));
      case 'loadParameters':
        return this.order(() => this.#loadParameters(job.item, job.term, signal));
      case 'loadState':
        return this.order(() => this.#loadState(job.item, job.address, job.term, signal));
      case 'compute':
        return this.order(() => this.#compute(job.work, job.ranges, signal));
      case 'push':
        return this.#push(job.item, job.nodes, job.term, signal);
      case 'exchange':
        return this.#exchange(job.work, job.member, job.term, signal);
      case 'loadReduced':
        return this.#loadReduced(job.item, job.address, job.term, signal);
      case 'update':
        return this.order(() => this.#update(job.work));
    }
  }

  prefetch({ item, kind, step, samples, ranges, indices }: Upcoming): void {
    if (!this.#job || kind === WorkKind.LOCAL) return;
    const wanted = { item, step, test: kind === WorkKind.EVALUATE, samples, ranges, indices };
    this.#inputs.prefetch(this.#job, wanted, this.#fetcher(this.board.term, new AbortController().signal));
  }

  /** Pieces of items before this one are not asked for any more. */
  drop(before: number): void {
    // The state may be that of an older item, where evaluations came after it. Sums are overwritten by what comes next.
    for (const piece of this.#offered) this.board.withdraw(piece);
    this.#offered = [];
    this.board.release(Math.min(before, this.#stateItem));
    this.#inputs.drop(before);
  }

  forget(board: Board): void {
    this.board.close();
    this.board = board;
    this.#inputs.forget();
    this.#outgoing = undefined;
    this.#ways = undefined;
    this.#offered = [];
    this.#stateItem = 0;
    this.#nodes = { item: 0, results: [] };
  }

  async close(): Promise<void> {
    this.board.close();
    await this.#orders.catch(() => undefined);
    if (this.#job && this.#job !== this.#options.shared) await this.#job.replica.close();
  }

  /** Orders use the replica: the next one begins when the last is done. */
  order<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#orders.then(work, work);
    this.#orders = next.catch(() => undefined);
    return next;
  }

  get #planned(): PlannedJob {
    if (!this.#job) throw new Error('there is no job yet');
    return this.#job;
  }

  get #reduce(): Reduction {
    return this.welcome?.reduce === Reduce.BF16 ? 'bf16' : 'f32';
  }

  get #compression(): Compression {
    return parseCompression(this.welcome?.compression || 'none');
  }

  #pull(address: string, term: number, signal: AbortSignal) {
    const { run = '', member = 0 } = this.welcome ?? {};
    return (piece: Piece, sink: Sink) => this.#options.others.pull(address, { run, term, member }, piece, sink, signal);
  }

  #fetcher(term: number, signal: AbortSignal) {
    return this.#pull('', term, signal);
  }

  async #prepare(_run: string, term: number, digest: string, signal: AbortSignal): Promise<WorkerAnswer> {
    const { shared } = this.#options;
    if (shared) {
      this.#job = shared;
      return {};
    }
    const sink = new BufferSink(maxJobBytes);
    await this.#pull('', term, signal)(pieces.job(), sink);
    if (jobDigest(sink.bytes) !== digest)
      throw new LockstepError('The job that came is not the one that was announced.');
    const wire = decodeJob(sink.bytes, this.#options.limitBytes);
    await this.#job?.replica.close();
    this.#job = undefined;
    // Where the coordinator owns the slices, only replicas of local training update anything here.
    const { placement, mode } = this.welcome as Welcome;
    const updates = placement === Placement.WORKERS || mode === Mode.LOCAL;
    this.#job = await planJob(wire, digest, { ...this.#options, updates, reduce: this.#reduce });
    return {};
  }

  async #loadParameters(item: number, term: number, signal: AbortSignal): Promise<WorkerAnswer> {
    const { replica } = this.#planned;
    if (this.#options.shared) return {};
    const { parameters, vectors } = replica.state;
    const averages = vectors.ema ? { ema: vectors.ema } : {};
    const parts = stateParts({ parameters, vectors: averages, groups: [] });
    await this.#pull('', term, signal)(pieces.parameters(item), compoundSink(parts));
    await replica.refresh();
    return {};
  }

  async #loadState(item: number, address: string, term: number, signal: AbortSignal): Promise<WorkerAnswer> {
    const { replica } = this.#planned;
    await this.#pull(address, term, signal)(pieces.state(item), compoundSink(stateParts(replica.state)));
    await replica.refresh();
    this.#offerState(item);
    return {};
  }

  async #localRound(work: Work, ranges: readonly TreeNode[], signal: AbortSignal): Promise<WorkerAnswer> {
    const job = this.#planned;
    const { spec, replica } = job;
    const { item } = work;
    const fetch = this.#fetcher(this.board.term, signal);
    const compression = this.#compression;
    const replicas = ranges.flatMap(({ lo, hi }) => Array.from({ length: hi - lo }, (_, i) => lo + i));
    this.#ways ??= new WayMemory(compression, spec.layout);
    const remembered = compression.kind === 'none' ? [] : await this.#ways.recall(replicas, work.waysItem, fetch);
    const { ways, computeMs } = await localRound({
      spec,
      replica,
      work,
      ranges,
      add: adder(this.#reduce, spec, 0),
      fill: (localStep, shards, into) => {
        const samples = work.stepSamples[localStep] as number;
        const step = work.step + localStep;
        // Local steps count from 1 among pieces: 0 is no local step.
        const wanted = { item, step, test: false, samples, ranges: [shards], indices: [], localStep: localStep + 1 };
        return this.#inputs.fill(job, wanted, into, fetch);
      },
      badIndex: ({ found }, phase) => {
        const { program } = spec.phases[phase] as JobSpec['phases'][number];
        return new JobFault(describeBadIndex(program, found, [], 'train'));
      },
    });
    if (compression.kind === 'none') {
      const nodes = wayNodes(ranges, work.replicas);
      for (const node of nodes) this.#offer(pieces.node(item, node), vectorSource(foldWays(node, ways)));
      return { nodes, computeMs };
    }
    // Each way by itself: what is remembered is remembered of one replica.
    const nodes = replicas.map((replica, i) => {
      const way = ways.get(replica) as Float32Array;
      const bytes = (this.#ways as WayMemory).tell(replica, item, way, remembered[i] as Float32Array);
      const node = { lo: replica, hi: replica + 1 };
      this.#offer(pieces.node(item, node), bytesSource(bytes, encodings[compression.kind]));
      return node;
    });
    return { nodes, computeMs };
  }

  async #compute(work: Work, ranges: readonly TreeNode[], signal: AbortSignal): Promise<WorkerAnswer> {
    if (work.kind === WorkKind.LOCAL) return this.#localRound(work, ranges, signal);
    const job = this.#planned;
    const { spec, replica } = job;
    const { item, step, phase, samples, firstSample } = work;
    const test = work.kind === WorkKind.EVALUATE;
    const indices = indicesOf(work, ranges, spec);
    const wanted: WantedBatch = { item, step, test, samples, ranges, indices };
    await this.#inputs.fill(job, wanted, replica.inputs(samples), this.#fetcher(this.board.term, signal));
    this.#keepNodes(item);
    const request = { samples, ranges, scalars: work.scalars };
    // Others pull their slices of it while the backward pass goes on.
    const early = new EarlyNodes((node, values) =>
      this.#offer(pieces.node(item, node), vectorSource(values, formatOf(this.#reduce, spec)), 0),
    );
    const large = vectorBytes(formatOf(this.#reduce, spec), 0, spec.layout.length) > earlyBytes;
    const computed = await replica.compute(
      test ? { kind: 'evaluate', firstSample, ...request } : { kind: 'train', step, phase, ...request },
      work.shares.length > 1 && !test && large ? early.settle : undefined,
    );
    if (computed.status === 'badIndex') {
      const program = test ? spec.evaluate : (spec.phases[phase] as JobSpec['phases'][number]).program;
      const rows = rowsOf(ranges, samples, spec.batch.shards);
      const named: number[] = [];
      rows.forEach((row, i) => {
        named[row] = indices[i] ?? row;
      });
      throw new JobFault(describeBadIndex(program, computed.found, named, test ? 'test' : 'train'));
    }
    this.#nodes = { item, results: computed.nodes };
    const format = test ? f32Format : formatOf(this.#reduce, spec);
    this.#outgoing ??= new OutgoingSums(this.#compression, spec);
    const sourceOf = (values: Float32Array) =>
      test ? vectorSource(values, format) : (this.#outgoing as OutgoingSums).source(values, format);
    const nodes = computed.nodes.map(({ lo, hi, values }): ComputedNode => {
      if (values.byteLength <= inlineBytes && test) return { lo, hi, values: bytesOf(values).slice() };
      if (!early.finish({ lo, hi })) this.#offer(pieces.node(item, { lo, hi }), sourceOf(values));
      return { lo, hi };
    });
    if (test && spec.gathered.length > 0) this.#offerOutputs(item, ranges, samples, spec, computed.outputs);
    return { nodes, computeMs: computed.computeMs };
  }

  #offer(piece: Piece, source: PieceSource, elements?: number): Publication {
    this.#offered.push(piece);
    return this.board.publish(piece, source, elements);
  }

  /** The next order overwrites sums of the same item that others may still want. */
  #keepNodes(item: number): void {
    if (this.#nodes.item !== item) return;
    const format = formatOf(this.#reduce, this.#planned.spec);
    for (const { lo, hi, values } of this.#nodes.results)
      this.#offer(pieces.node(item, { lo, hi }), vectorSource(values.slice(), format));
  }

  #offerOutputs(
    item: number,
    ranges: readonly TreeNode[],
    samples: number,
    spec: JobSpec,
    outputs: Readonly<Record<string, Float32Array | Int32Array | Uint8Array>>,
  ): void {
    const shards = shardsOf(samples, spec.batch.shards);
    for (const node of nodesOf(ranges, samples, spec.batch.shards)) {
      const [from, to] = [shards[node.lo]?.from ?? 0, shards[node.hi - 1]?.to ?? 0];
      const rows = Object.fromEntries(
        spec.gathered.map(({ name, shape }) => {
          const size = shape.reduce((n, d) => n * d, 1);
          return [name, (outputs[name] as Float32Array).slice(from * size, to * size)];
        }),
      );
      const bytes = encodeBatch(spec.gathered, to - from, rows);
      this.#offer(pieces.outputs(item, node), bytesSource(bytes, Encoding.MSGPACK));
    }
  }

  async #push(item: number, nodes: readonly TreeNode[], term: number, signal: AbortSignal): Promise<WorkerAnswer> {
    const { others, coordinator } = this.#options;
    const channels = Array.from({ length: pushChannels }, (_, i) => others.channel(coordinator, i));
    const { run = '', member = 0 } = this.welcome ?? {};
    for (const node of nodes) {
      const piece = pieces.node(item, node);
      const { publication } = await this.board.find(piece, this.board.term, signal);
      await push(channels, { run, term: incarnationTerm(term), member }, piece, publication, { signal });
    }
    return {};
  }

  async #exchange(work: Work, member: number, term: number, signal: AbortSignal): Promise<WorkerAnswer> {
    const { spec, replica } = this.#planned;
    // What one failure leaves under way would write into the sums of a later try, or of the next item.
    let over = false;
    const rest = new AbortController();
    const all = AbortSignal.any([signal, rest.signal]);
    try {
      await exchange({
        work,
        member,
        shards: spec.batch.shards,
        reduced: replica.reduced,
        format: formatOf(this.#reduce, spec),
        board: this.board,
        adderFor: (from) => adder(this.#reduce, spec, from),
        room: (index, elements) => this.#roomFor(index, elements),
        pull: (address, piece, sink) =>
          this.#pull(
            address,
            term,
            all,
          )(
            piece,
            openWhile(() => !over && !signal.aborted, sink),
          ),
      });
    } catch (error) {
      over = true;
      rest.abort(error);
      throw error;
    }
    return {};
  }

  /** Kept from item to item: vectors as long as a model's would be much to collect. */
  #roomFor(index: number, elements: number): Float32Array {
    const kept = this.#rooms[index];
    const room = kept && kept.length >= elements ? kept : new Float32Array(elements);
    this.#rooms[index] = room;
    return room.subarray(0, elements);
  }

  async #loadReduced(item: number, address: string, term: number, signal: AbortSignal): Promise<WorkerAnswer> {
    const { spec, replica } = this.#planned;
    const to = replica.reduced.length;
    await this.#pull(
      address,
      term,
      signal,
    )(pieces.reduced(item, { from: 0, to }), vectorSink(replica.reduced, formatOf(this.#reduce, spec)));
    return {};
  }

  async #update({ item, phase, learningRates }: Work): Promise<WorkerAnswer> {
    const { spec, replica } = this.#planned;
    this.board.withdraw(pieces.state(this.#stateItem));
    const answer = await replica.update({ phase, learningRates });
    this.#offerState(item);
    const all = { from: 0, to: replica.reduced.length };
    this.board.publish(pieces.reduced(item, all), vectorSource(replica.reduced, formatOf(this.#reduce, spec)));
    const update: UpdateResult = {
      digest: answer.digest,
      status: answer.status,
      statistics: bytesOf(answer.statistics).slice(),
      gradientNorm: answer.gradientNorm,
      penalty: answer.penalty,
      gradientSquares: [...answer.gradientSquares],
    };
    return { update };
  }

  #stateItem = 0;

  #offerState(item: number): void {
    const { replica } = this.#planned;
    this.#stateItem = item;
    this.board.publish(pieces.state(item), compoundSource(stateParts(replica.state)));
  }
}

/** Rows of the whole batch that these shards are. */
const rowsOf = (ranges: readonly TreeNode[], samples: number, shards: number): number[] => {
  const all = shardsOf(samples, shards);
  return ranges.flatMap(({ lo, hi }) => {
    const [from, to] = [all[lo]?.from ?? 0, all[hi - 1]?.to ?? 0];
    return Array.from({ length: to - from }, (_, i) => from + i);
  });
};

/** `Work.indices` are those of all its ranges; these may be a part of them. */
function indicesOf(work: Work, ranges: readonly TreeNode[], { batch }: JobSpec): number[] {
  if (work.indices.length === 0) return [];
  const index = new Map(
    rowsOf(work.ranges, work.samples, batch.shards).map((row, i) => [row, work.indices[i] as number]),
  );
  return rowsOf(ranges, work.samples, batch.shards).map((row) => index.get(row) as number);
}

export const faultOf = (error: unknown): 'job' | 'machine' | 'network' => {
  if (error instanceof JobFault) return 'job';
  return error instanceof StatusError || (error as Error).name === 'AbortError' ? 'network' : 'machine';
};
