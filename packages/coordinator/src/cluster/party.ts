import type { TracedJob } from '@lockstep/core/internal';
import {
  Board,
  bytesSource,
  Desk,
  describeRescue,
  encodeJob,
  formatCompression,
  incarnationTerm,
  jobDigest,
  PiecesOfOthers,
  pieces,
  Replica,
  type Rescued,
  type TrainingState,
} from '@lockstep/worker';
import type { ClusterRequest } from '../engine/cluster-request.ts';
import type { EngineRequest } from '../engine/request.ts';
import type { RunRecord } from '../engine/run-record.ts';
import type { RunEvent } from '../observe/events.ts';
import { isReproducible } from '../observe/promise.ts';
import { asDialled } from './as-dialled.ts';
import { AtHand, type Task, type UpcomingTask } from './at-hand.ts';
import { BatchBoard } from './batch-board.ts';
import { ClusterDriver } from './cluster-driver.ts';
import { toRunEvent } from './cluster-events.ts';
import type { ClusterServer } from './cluster-server.ts';
import { Flow, type Ticket } from './flow.ts';
import { Handout } from './handout.ts';
import { compressedIntake } from './intake.ts';
import { KeptState } from './kept-state.ts';
import { LocalTraining } from './local-training.ts';
import { NodeCollector } from './node-collector.ts';
import { otherBits } from './other-bits.ts';
import { OwnMember } from './own-member.ts';
import { ParameterShelf } from './parameter-shelf.ts';
import { Updates } from './updates.ts';

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
  readonly #hand = new AtHand();
  readonly #updates: Updates;
  readonly #handout: Handout;
  readonly #kept: KeptState;
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
        admit: otherBits,
      },
      {
        sending: (session, message) => {
          this.#handout.sending(session, message);
          return asDialled(message, own);
        },
        collect: (effect) => this.#collect(effect),
        reduced: (item) => this.#updates.reduced(item),
        apply: (effect) => (this.#hand.flow as Flow).apply(effect),
        want: () => (this.#hand.flow as Flow).want(),
        committed: (item, updated) => this.#updates.committed(item, updated),
        // Where nobody has it any more the state machine finds that out by itself.
        keep: (item) => void this.#kept.take(item).catch(() => undefined),
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
    const [driver, board, hand] = [this.#driver, this.#board, this.#hand];
    this.#updates = new Updates(spec, hand);
    this.#handout = new Handout({ spec, batches: this.#batches, desk: this.#desk, driver, hand });
    this.#kept = new KeptState({ spec, run, start: options.state, board, others: this.#others, driver });
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
  async bring(task: Task, upcoming: UpcomingTask | undefined, record: RunRecord): Promise<void> {
    const { spec } = this.#options.traced;
    const hand = this.#hand;
    const { waysItem, intake } = task.item.kind === 'local' ? (hand.local as LocalTraining) : {};
    if (waysItem !== undefined) task = { ...task, spec: { ...task.spec, waysItem } };
    const { leaves } = task.spec;
    const collector = new NodeCollector({
      spec,
      item: task.spec,
      reduce: this.#options.request.reduce,
      others: this.#others,
      ...(leaves !== undefined && { leaves }),
      ...(intake && { intake }),
    });
    hand.task = task;
    hand.upcoming = upcoming;
    hand.record = record;
    hand.collector = collector;
    for (const batch of task.batches) void this.#batches.read(batch).catch((error: Error) => this.#driver.fail(error));
    try {
      await this.#driver.begin(task.spec, upcoming?.spec);
    } finally {
      collector.close();
    }
    this.#batches.release(task.spec.item + 1);
    // Parameters are asked for by their item, which may be older than an evaluation's.
    const { stateItem } = this.#driver.core;
    this.#board.release(Math.min(task.spec.item, stateItem, hand.local?.waysItem ?? stateItem));
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
      update: async (sum, learningRates, version) => {
        const answer = await this.#updates.apply(sum, learningRates, version);
        this.#desk.release();
        return answer;
      },
    });
    this.#hand.flow = flow;
    try {
      await this.#driver.begin(first.spec);
    } finally {
      flow.close();
      this.#hand.flow = undefined;
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
    const { replica, local } = this.#hand;
    if (replica && local) return local.snapshot(step, replica.state.parameters);
    return replica ? replica.snapshot(step) : this.#kept.snapshot(step);
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
    await this.#hand.member?.stop(reason);
    this.#driver.sessions.closeAll(reason);
    this.#board.close();
    this.#desk.close();
    this.#others.close();
    await this.#hand.replica?.close();
  }

  readonly #onRescue = (rescued: Rescued): void =>
    this.#options.emit({ type: 'warning', message: describeRescue(rescued) });

  async #begin(): Promise<void> {
    const { request, cluster, traced, state } = this.#options;
    const { spec } = traced;
    const { threads, kernels, memoryLimitBytes: limitBytes, mergeShards, reduce } = request;
    if (cluster.placement === 'coordinator') {
      const replica = await Replica.start({
        ...{ spec, kernels, limitBytes, mergeShards, reduce },
        threads: Math.max(1, threads),
        onRescue: this.#onRescue,
      });
      this.#hand.replica = replica;
      await replica.load(state);
      if (cluster.mode === 'local') {
        const { compression, local } = cluster;
        const { emit } = this.#options;
        this.#hand.local = new LocalTraining({ spec, ...local, compression, board: this.#board, state, emit });
      }
      const shelf = new ParameterShelf(this.#board, replica, !isReproducible(cluster.mode));
      this.#hand.shelf = shelf;
      shelf.offer(0);
    } else this.#kept.begin();
    if (threads > 0) this.#join();
  }

  #join(): void {
    const { request, cluster, traced, server, incarnation } = this.#options;
    // Other modes' members compute with parameters of their own, while those of the coordinator may already be others.
    const replica = cluster.mode === 'sync' ? this.#hand.replica : undefined;
    this.#hand.member = new OwnMember({
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
          (kind === 'state' && piece?.piece.value?.item === this.#kept.item);
        const { member } = this.#hand;
        return (ours || !member ? this.#board : member.board).find(piece, term, signal);
      },
    };
  }

  #collect(effect: Parameters<NodeCollector['collect']>[0]): Promise<boolean> {
    const collector = this.#hand.collectorOf(effect.item);
    if (!collector) return Promise.reject(new Error(`item ${effect.item} is over`));
    const { run } = this.#options;
    const asker = { run, term: this.#driver.core.term, member: effect.member };
    return collector.collect(effect, asker);
  }
}
