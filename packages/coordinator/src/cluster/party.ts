import { setTimeout } from 'node:timers/promises';
import { kernelsHash, numericsVersion, type PhaseSpec, type StepValues, type TracedJob } from '@lockstep/core/internal';
import {
  Board,
  bytesSource,
  compoundSink,
  compoundSource,
  Desk,
  describeRescue,
  encodeJob,
  formatCompression,
  type Hello,
  incarnationTerm,
  jobDigest,
  nodesOf,
  PiecesOfOthers,
  pieces,
  Replica,
  type Rescued,
  readState,
  replicaShards,
  type SlotAnswer,
  type StateView,
  stateParts,
  type TrainingState,
  type TreeNode,
  type Updated,
  type Work,
  WorkKind,
} from '@lockstep/worker';
import type { ClusterRequest } from '../engine/cluster-request.ts';
import type { EngineRequest } from '../engine/request.ts';
import type { RunRecord } from '../engine/run-record.ts';
import type { RunEvent } from '../observe/events.ts';
import { isReproducible } from '../observe/promise.ts';
import type { ItemSpec, ToWorker } from '../sharding/effects.ts';
import { asDialled } from './as-dialled.ts';
import { BatchBoard, type BatchRequest } from './batch-board.ts';
import { ClusterDriver, RewindError } from './cluster-driver.ts';
import { toRunEvent } from './cluster-events.ts';
import type { ClusterServer } from './cluster-server.ts';
import { Flow, type Ticket } from './flow.ts';
import { compressedIntake } from './intake.ts';
import type { WorkItem } from './item-plan.ts';
import type { LocalItem } from './local-agenda.ts';
import { LocalTraining } from './local-training.ts';
import { NodeCollector, SpoiltSums } from './node-collector.ts';
import { OwnMember } from './own-member.ts';
import { ParameterShelf } from './parameter-shelf.ts';
import { stateArrays } from './state-copy.ts';

export interface PartyOptions {
  readonly request: Pick<EngineRequest, 'threads' | 'kernels' | 'memoryLimitBytes' | 'mergeShards' | 'reduce'>;
  readonly cluster: ClusterRequest;
  readonly traced: TracedJob;
  readonly server: ClusterServer;
  readonly emit: (event: RunEvent) => void;
  readonly run: string;
  readonly incarnation: number;
  readonly state: TrainingState;
  /** Sees whether another coordinator has taken the run over, and ends it where one has. */
  readonly checkFence: () => void;
}

interface Task {
  readonly item: WorkItem;
  readonly spec: ItemSpec;
  readonly batches: readonly BatchRequest[];
  /** Of its step, or of each step of a local round. */
  readonly values: readonly StepValues[];
}

/** Between two rounds of asking whoever holds the state, in milliseconds. */
const holderPauseMs = 200;

/** Name under which a member of this process asks for pieces where the coordinator does not listen. */
const here = 'here:0';

/**
 * Everybody who works on the run under one incarnation: workers on other machines, the threads of this process as a member like them, and what
 * the coordinator itself holds.
 */
export class Party {
  readonly #options: PartyOptions;
  readonly #board = new Board();
  readonly #desk = new Desk();
  readonly #others: PiecesOfOthers;
  readonly #batches: BatchBoard;
  readonly #driver: ClusterDriver;
  readonly #digest: string;
  /** Where the coordinator owns the slices. */
  #replica: Replica | undefined;
  #shelf: ParameterShelf | undefined;
  #local: LocalTraining | undefined;
  #member: OwnMember | undefined;
  #task: Task | undefined;
  #upcoming: Pick<Task, 'spec' | 'batches'> | undefined;
  #record: RunRecord | undefined;
  #collector: NodeCollector | undefined;
  /** While updates are applied as they come. */
  #flow: Flow | undefined;
  /** The item after which the coordinator has the state on its board. */
  #keptItem = 0;
  #kept: StateView | undefined;
  #closing = false;

  private constructor(options: PartyOptions, job: Uint8Array) {
    const { request, cluster, traced, server, run, incarnation } = options;
    const { spec } = traced;
    this.#options = options;
    const own = server.address ?? here;
    this.#others = new PiecesOfOthers({
      security: server.security,
      coordinator: own,
      own,
      board: () => this.#pieces,
      leaseMs: () => cluster.leaseMs,
      traffic: server.traffic,
    });
    this.#batches = new BatchBoard(spec, traced.host, this.#board);
    this.#digest = jobDigest(job);
    this.#board.publish(pieces.job(), bytesSource(job));
    this.#driver = new ClusterDriver(
      {
        run,
        incarnation,
        jobDigest: this.#digest,
        placement: cluster.placement,
        mode: cluster.mode,
        reduce: request.reduce,
        shards: spec.batch.shards,
        leaseMs: cluster.leaseMs,
        heartbeatMs: cluster.heartbeatMs,
        minWorkers: cluster.minWorkers,
        staleness: cluster.staleness,
        compression: formatCompression(cluster.compression),
        admit: (hello) => this.#objection(hello),
      },
      {
        sending: (session, message) => {
          this.#sending(session, message);
          return asDialled(message, own);
        },
        collect: (effect) => this.#collect(effect),
        reduced: (item) => this.#reduced(item),
        apply: (effect) => (this.#flow as Flow).apply(effect),
        want: () => (this.#flow as Flow).want(),
        committed: (item, updated) => this.#committed(item, updated),
        keep: (item) => {
          // Where nobody has it any more the state machine finds that out by itself.
          this.#fetchState(item)
            .then((state) => this.#keep(item, state))
            .catch(() => undefined);
        },
        reach: (address) => {
          if (address === own) return Promise.resolve(undefined);
          this.#others.renew(address);
          return server.reach(address);
        },
        event: (event) => options.emit(toRunEvent(event)),
        checkFence: options.checkFence,
        turnedAway: (reason) => server.turnAway(reason),
        refused: (what) => server.refuse(what),
      },
    );
    const term = incarnationTerm(this.#driver.core.term);
    this.#board.moveTerm(term);
    this.#desk.moveTerm(term);
    const { sessions, core } = this.#driver;
    server.present({
      training: sessions.service,
      board: this.#pieces,
      desk: this.#desk,
      nameOf: (member) => core.members.find(({ id }) => id === member)?.name,
    });
  }

  static async gather(options: PartyOptions): Promise<Party> {
    const { spec, host } = options.traced;
    const job = encodeJob({ spec, ...(await host.openable()) });
    const party = new Party(options, job);
    try {
      await party.#begin();
      return party;
    } catch (error) {
      await party.close((error as Error).message, false);
      throw error;
    }
  }

  /** Brings one item through. Rejects where the run cannot go on so. */
  async bring(task: Task, upcoming: Pick<Task, 'spec' | 'batches'> | undefined, record: RunRecord): Promise<void> {
    const { spec } = this.#options.traced;
    const { waysItem, intake } = task.item.kind === 'local' ? (this.#local as LocalTraining) : {};
    if (waysItem !== undefined) task = { ...task, spec: { ...task.spec, waysItem } };
    this.#task = task;
    this.#upcoming = upcoming;
    this.#record = record;
    const { leaves } = task.spec;
    this.#collector = new NodeCollector({
      spec,
      item: task.spec,
      reduce: this.#options.request.reduce,
      others: this.#others,
      ...(leaves !== undefined && { leaves }),
      ...(intake && { intake }),
    });
    for (const batch of task.batches) void this.#batches.read(batch).catch((error: Error) => this.#driver.fail(error));
    try {
      await this.#driver.begin(task.spec, upcoming?.spec);
    } finally {
      this.#collector.close();
    }
    this.#batches.release(task.spec.item + 1);
    // Parameters are asked for by their item, which may be older than an evaluation's.
    const { stateItem } = this.#driver.core;
    this.#board.release(Math.min(task.spec.item, stateItem, this.#local?.waysItem ?? stateItem));
    this.#desk.release();
  }

  /** Gives batches out until there are no more, and applies their gradients as they come. Rejects where the run cannot go on so. */
  async flow(first: Ticket, next: () => Promise<Ticket | undefined>, record: RunRecord): Promise<void> {
    const { traced, request, cluster } = this.#options;
    const { compression } = cluster;
    const intake = compression.kind === 'none' ? undefined : compressedIntake(compression, traced.spec.layout);
    const flow = new Flow({
      item: first.spec.item,
      first,
      next,
      batches: this.#batches,
      record,
      collectorFor: (spec) =>
        new NodeCollector({
          spec: traced.spec,
          item: spec,
          reduce: request.reduce,
          others: this.#others,
          ...(intake && { intake }),
        }),
      update: (sum, learningRates, version) => this.#update(sum, learningRates, version),
    });
    this.#flow = flow;
    try {
      await this.#driver.begin(first.spec);
    } finally {
      flow.close();
      this.#flow = undefined;
    }
    this.#batches.release(this.nextItem);
    this.#board.release(this.#driver.core.stateItem);
    this.#desk.release();
  }

  /** A number that no item has had. */
  get nextItem(): number {
    return this.#driver.core.lastItem + 1;
  }

  /** A copy of the state as everybody holds it now, between two items. */
  async snapshot(step: number): Promise<TrainingState> {
    if (this.#replica && this.#local) return this.#local.snapshot(step, this.#replica.state.parameters);
    if (this.#replica) return this.#replica.snapshot(step);
    const item = this.#driver.core.stateItem;
    if (item === this.#keptItem) return readState(this.#kept as StateView, step);
    const state = await this.#fetchState(item);
    this.#keep(item, state);
    return readState(state, step);
  }

  /** Where workers are waited for, or once they are, `bring` rejects with StoppedWaiting. */
  stopWaiting(): void {
    this.#driver.handle({ kind: 'stop' });
  }

  /** Ends whatever is under way with this error. */
  fail(error: Error): void {
    this.#driver.fail(error);
  }

  async close(reason: string, comeBack: boolean): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    this.#driver.close(reason, comeBack);
    await this.#member?.stop(reason);
    this.#driver.sessions.closeAll(reason);
    this.#board.close();
    this.#desk.close();
    this.#others.close();
    await this.#replica?.close();
  }

  readonly #onRescue = (rescued: Rescued): void =>
    this.#options.emit({ type: 'warning', message: describeRescue(rescued) });

  async #begin(): Promise<void> {
    const { request, cluster, traced, state } = this.#options;
    const { spec } = traced;
    const { threads, kernels, memoryLimitBytes: limitBytes, mergeShards, reduce } = request;
    if (cluster.placement === 'coordinator') {
      this.#replica = await Replica.start({
        ...{ spec, kernels, limitBytes, mergeShards, reduce },
        threads: Math.max(1, threads),
        onRescue: this.#onRescue,
      });
      await this.#replica.load(state);
      if (cluster.mode === 'local') {
        const { compression, local } = cluster;
        const { emit } = this.#options;
        this.#local = new LocalTraining({ spec, ...local, compression, board: this.#board, state, emit });
      }
      this.#shelf = new ParameterShelf(this.#board, this.#replica, !isReproducible(cluster.mode));
      this.#shelf.offer(0);
    } else this.#keep(0, stateArrays(spec, state));
    if (threads > 0) this.#join();
  }

  #join(): void {
    const { request, cluster, traced, server, incarnation } = this.#options;
    // Other modes' members compute with parameters of their own, while those of the coordinator may already be others.
    const replica = cluster.mode === 'sync' ? this.#replica : undefined;
    this.#member = new OwnMember({
      request,
      incarnation,
      others: this.#others,
      address: server.address ?? here,
      link: this.#driver.sessions.link,
      shared: replica && { spec: traced.spec, digest: this.#digest, replica, train: undefined, test: undefined },
      onRescue: this.#onRescue,
      failed: (error) => this.#driver.fail(error),
    });
  }

  /** Boards of the coordinator and of the member of this process, as one. */
  get #pieces(): Pick<Board, 'find'> {
    return {
      find: (piece, term, signal) => {
        const kind = piece?.piece.case;
        const ours =
          kind === 'job' ||
          kind === 'batch' ||
          kind === 'parameters' ||
          kind === 'way' ||
          (kind === 'state' && piece?.piece.value?.item === this.#keptItem);
        return (ours || !this.#member ? this.#board : this.#member.board).find(piece, term, signal);
      },
    };
  }

  /** Why a worker cannot take part, in a sentence. */
  #objection(hello: Hello): string | undefined {
    const own = kernelsHash();
    if (hello.numericsVersion !== numericsVersion)
      return `Worker ${hello.name} has numerics version ${hello.numericsVersion}, the coordinator ${numericsVersion}: use the same release of Lockstep on both.`;
    if (hello.kernelsHash !== own)
      return `Worker ${hello.name} has other kernels (${hello.kernelsHash.slice(0, 12)}, not ${own.slice(0, 12)}): use the same release of Lockstep on both.`;
    return undefined;
  }

  #sending(session: number, message: NonNullable<ToWorker['message']>): void {
    if (message.case !== 'work') return;
    const work = message.value;
    const { upcoming } = work;
    const fail = (error: Error) => this.#driver.fail(error);
    const member = this.#driver.core.members.find((one) => one.session === session);
    if (this.#flow) {
      this.#flow.sending(work as Work, plain(work.ranges)).catch(fail);
      const item = work.item as number;
      if (member?.address === '') this.#expectPushes(member.id, item, this.#flow.collector(item), this.#nodesOf(work));
      return;
    }
    if (member?.address === '' && this.#task)
      this.#expectPushes(member.id, this.#task.spec.item, this.#collector, this.#nodesOf(work));
    if (this.#task && work.item === this.#task.spec.item)
      for (const batch of this.#task.batches) this.#batches.offer(batch, this.#shardsOf(this.#task, work)).catch(fail);
    if (this.#upcoming && upcoming?.item === this.#upcoming.spec.item)
      for (const batch of this.#upcoming.batches)
        this.#batches.offer(batch, this.#shardsOf(this.#upcoming, upcoming)).catch(fail);
  }

  /** Shards whose samples are needed; of local training those of each replica, one by one. */
  #shardsOf({ spec }: Pick<Task, 'spec'>, { ranges }: { ranges?: ToRanges }): { lo: number; hi: number }[] {
    if (spec.kind !== 'local') return plain(ranges);
    const { shards } = this.#options.traced.spec.batch;
    return plain(ranges).flatMap(({ lo, hi }) =>
      Array.from({ length: hi - lo }, (_, i) => replicaShards(lo + i, spec.samples, shards)),
    );
  }

  #collect(effect: Parameters<NodeCollector['collect']>[0]): Promise<boolean> {
    const collector = this.#flow ? this.#flow.collector(effect.item) : this.#collector;
    if (!collector) return Promise.reject(new Error(`item ${effect.item} is over`));
    const { run } = this.#options;
    const asker = { run, term: this.#driver.core.term, member: effect.member };
    return collector.collect(effect, asker);
  }

  /** What somebody sends who computes this. */
  #nodesOf({
    kind,
    ranges,
    samples = 0,
  }: {
    kind?: WorkKind;
    ranges?: ToRanges;
    samples?: number;
  }): readonly TreeNode[] {
    if (this.#local && kind === WorkKind.LOCAL) return this.#local.nodesOf(plain(ranges));
    return nodesOf(plain(ranges), samples, this.#options.traced.spec.batch.shards);
  }

  /** Sums of a member that nobody can reach come without being fetched. */
  #expectPushes(member: number, item: number, collector: NodeCollector | undefined, nodes: readonly TreeNode[]): void {
    if (!collector) return;
    for (const node of nodes) {
      collector.expect(member, node, this.#desk)?.then(
        (different) => this.#driver.handle({ kind: 'arrived', member, item, node, ...(different && { different }) }),
        (error: Error) => {
          // Otherwise the member or the item is over; whoever misses the sums gives the shards to others.
          if (!(error instanceof SpoiltSums)) return;
          this.#driver.handle({ kind: 'spoilt', member, item, node, reason: error.message });
        },
      );
    }
  }

  async #reduced(item: number): Promise<void> {
    const task = this.#task as Task;
    const collector = this.#collector as NodeCollector;
    const record = this.#record as RunRecord;
    if (task.item.kind === 'evaluate') {
      await record.evaluated(task.item, collector.root, collector.gathered);
      return;
    }
    if (task.item.kind === 'local') {
      await this.#outerStep(task.item, task, collector.root, record);
      return;
    }
    const replica = this.#replica as Replica;
    replica.reduced.set(collector.root);
    this.#shelf?.withdraw();
    // The threads may still be busy with shards that somebody else was faster with.
    const { phase, learningRates } = task.spec;
    const update = () => replica.update({ phase, learningRates });
    const answer = await (this.#member ? this.#member.order(update) : update());
    record.trained(task.item, task.values[0] as StepValues, copyOf(answer), () => replica.reduced);
    this.#shelf?.offer(item);
  }

  /** Of a flow: by one gradient. */
  async #update(sum: Float32Array, learningRates: readonly number[], version: number): Promise<SlotAnswer> {
    const replica = this.#replica as Replica;
    replica.reduced.set(sum);
    const answer = copyOf(await replica.update({ phase: 0, learningRates }));
    this.#shelf?.offer(version, this.#flow?.versions);
    this.#desk.release();
    return answer;
  }

  async #outerStep(item: LocalItem, task: Task, root: Float32Array, record: RunRecord): Promise<void> {
    const replica = this.#replica as Replica;
    const number = task.spec.item;
    this.#shelf?.withdraw();
    const updates = await (this.#local as LocalTraining).step(item, number, task.values, root, replica);
    for (const { item: update, values, answer } of updates)
      record.trained(update, values, answer, () => new Float32Array());
    this.#shelf?.offer(number);
  }

  #committed(item: number, updated: Updated): void {
    const task = this.#task as Task;
    if (item !== task.spec.item || task.item.kind !== 'train') return;
    const bytes = updated.statistics;
    const statistics = new Float32Array(
      (this.#options.traced.spec.phases[task.item.phase] as PhaseSpec).program.statistics.length,
    );
    new Uint8Array(statistics.buffer).set(bytes.subarray(0, statistics.byteLength));
    const answer: SlotAnswer = {
      status: updated.status,
      statistics,
      gradientNorm: updated.gradientNorm,
      penalty: updated.penalty,
      gradientSquares: Float64Array.from(updated.gradientSquares),
      digest: updated.digest,
    };
    (this.#record as RunRecord).trained(task.item, task.values[0] as StepValues, answer, () => new Float32Array());
  }

  async #fetchState(item: number): Promise<StateView> {
    const { traced, run, state: start } = this.#options;
    const state = stateArrays(traced.spec, start);
    for (;;) {
      const { holders, term } = this.#driver.core;
      if (holders.length === 0) throw new RewindError('All workers that held the state are gone.');
      for (const holder of holders) {
        const asker = { run, term, member: holder.id };
        try {
          const signal = AbortSignal.timeout(600_000);
          await this.#others.pull(holder.address, asker, pieces.state(item), compoundSink(stateParts(state)), signal);
          return state;
        } catch {
          // Another one has it as well; who is gone is no holder any more when its lease has ended.
        }
      }
      this.#driver.check();
      await setTimeout(holderPauseMs);
    }
  }

  /** From here on the coordinator can give this state to whoever needs it. */
  #keep(item: number, state: StateView): void {
    this.#kept = state;
    this.#board.withdraw(pieces.state(this.#keptItem));
    this.#keptItem = item;
    this.#board.publish(pieces.state(item), compoundSource(stateParts(state)));
    this.#driver.handle({ kind: 'kept', item });
  }
}

const plain = (ranges: ToRanges): { lo: number; hi: number }[] =>
  (ranges ?? []).map(({ lo = 0, hi = 0 }) => ({ lo, hi }));
type ToRanges = readonly { lo?: number; hi?: number }[] | undefined;

/** Arrays of an answer are views until the next order. */
const copyOf = (answer: SlotAnswer): SlotAnswer => ({
  ...answer,
  statistics: answer.statistics.slice(),
  gradientSquares: answer.gradientSquares.slice(),
});
