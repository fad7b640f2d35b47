import { create } from '@bufbuild/protobuf';
import {
  type Farewell,
  type FromCoordinator,
  FromWorkerSchema,
  foldTree,
  maximalSubtrees,
  shardsOf,
  tickMs,
  type Work,
  WorkerCore,
  type WorkerEffect,
  type WorkerInput,
  type WorkerJob,
  WorkKind,
} from '@lockstep/worker';
import { Board } from './board.ts';
import type { Network, Stream } from './network.ts';
import { Replica } from './replica.ts';
import { add, copyState, digestOf, nodeResult, resultElements, type ToyItem, type ToyState, update } from './toy.ts';
import { Process, type World } from './world.ts';

export const coordinatorAddress = 'coordinator';
/** Elements of a real vector that one of the toy stands for. */
const block = 4096;

export interface WorkerHabits {
  readonly name: string;
  readonly instance: string;
  /** Milliseconds per sample. */
  readonly sampleMs: number;
  /** By how much it is slower at the moment. */
  slowness: number;
  readonly prepareMs: number;
  readonly updateMs: number;
  /** Whether others can pull from it. */
  readonly reachable: boolean;
}

/** What the coordinator's process offers to those who dial it. */
export interface Door {
  /** Opens a stream; says whether somebody listens. */
  dial(
    worker: WorkerNode,
    ends: { received(message: FromCoordinator): void; closed(reason: string, farewell: Farewell): void },
  ): { readonly stream: Stream; readonly process: Process } | undefined;
}

/** A worker process: the real state machine, around a toy replica and a simulated network. */
export class WorkerNode {
  readonly process: Process;
  readonly address: string;
  readonly habits: WorkerHabits;
  readonly board = new Board();
  readonly refused: string[] = [];
  ended = false;
  readonly #network: Network;
  readonly #door: Door;
  readonly #core: WorkerCore;
  readonly #replica: Replica;
  readonly #running = new Map<number, { cancel: () => void }>();
  #streams = new Map<number, Stream>();
  #state: ToyState | undefined;
  /** The item whose state that is; undefined while it changes. */
  #stateItem: number | undefined;
  #reduced: { readonly item: number; readonly values: Float32Array } | undefined;
  #job = '';
  #session = 0;
  /** Whom the last stream leads to: pulls go the same way. */
  #coordinator: Process | undefined;

  constructor(world: World, network: Network, door: Door, address: string, habits: WorkerHabits) {
    this.process = new Process(world, address);
    this.address = address;
    this.habits = habits;
    this.#network = network;
    this.#door = door;
    this.#replica = new Replica(this.process);
    const introduction = {
      name: habits.name,
      threads: 1,
      kernelsHash: 'k',
      numericsVersion: 1,
      release: '0',
      memoryLimitBytes: 1e9,
      address: habits.reachable ? address : '',
      dataKinds: [],
      instance: habits.instance,
    };
    this.#core = new WorkerCore(introduction, world.random.next, world.nowMs);
    if (habits.reachable) network.listen(address, this.process);
    world.servers.set(this.process, this);
    const tick = () => {
      this.handle({ kind: 'tick' });
      if (!this.ended) this.process.after(tickMs * 4, tick);
    };
    this.process.after(0, tick);
  }

  handle(input: WorkerInput): void {
    if (!this.process.alive || this.ended) return;
    for (const effect of this.#core.handle(this.process.world.nowMs, input)) {
      this.process.world.trace(this.address, effect);
      this.#do(effect);
    }
  }

  get state(): string {
    return this.#core.state.kind;
  }

  #do(effect: WorkerEffect): void {
    if (effect.kind === 'dial') this.#dial(effect.connection);
    else if (effect.kind === 'hangUp') this.#streams.get(effect.connection)?.close(0, effect.reason);
    else if (effect.kind === 'send') {
      this.#streams.get(effect.connection)?.send(0, create(FromWorkerSchema, effect.message));
    } else if (effect.kind === 'start') this.#start(effect.id, effect.job);
    else if (effect.kind === 'cancel') {
      this.#running.get(effect.id)?.cancel();
      this.#running.delete(effect.id);
    } else if (effect.kind === 'drop') this.board.drop(effect.before);
    else if (effect.kind === 'forget') {
      this.board.clear();
      this.#reduced = undefined;
      this.#stateItem = undefined;
    } else if (effect.kind === 'refused') this.refused.push(effect.what);
    else if (effect.kind === 'end') this.#end();
  }

  #end(): void {
    this.ended = true;
    this.process.kill();
    this.#network.died(this.process, false);
  }

  #dial(connection: number): void {
    this.process.after(this.#network.delayMs(), () => {
      const opened = this.#door.dial(this, {
        received: (message) => {
          this.board.termIs(message.term);
          this.handle({ kind: 'received', connection, message });
        },
        closed: (reason, farewell) => {
          // Dialling again would be of no use: the process ends.
          if (farewell === 'never') this.#end();
          else this.handle({ kind: 'disconnected', connection, reason });
        },
      });
      if (opened) {
        this.#streams = new Map([[connection, opened.stream]]);
        this.#coordinator = opened.process;
        this.#session = connection;
        this.handle({ kind: 'connected', connection });
      } else this.handle({ kind: 'disconnected', connection, reason: 'refused' });
    });
  }

  #start(id: number, job: WorkerJob): void {
    const running: { cancel: () => void } = { cancel: () => undefined };
    this.#running.set(id, running);
    const live = () => this.#running.get(id) === running;
    const done = (answer: (WorkerInput & { kind: 'done' })['answer'] = {}) => {
      if (!live()) return;
      this.#running.delete(id);
      this.handle({ kind: 'done', id, answer });
    };
    const failed = (message: string, member?: number) => {
      if (!live()) return;
      this.#running.delete(id);
      this.handle({ kind: 'failed', id, message, fault: 'network', ...(member !== undefined && { member }) });
    };
    if (job.kind === 'prepare') {
      const planned = () => {
        this.#job = job.jobDigest;
        done();
      };
      running.cancel = this.#pull(this.#coordinator, 'job', job.term, 0, (value) => {
        if (value instanceof Error) failed(value.message);
        else if (this.#job === job.jobDigest) done();
        else this.process.after(this.habits.prepareMs, planned);
      });
    } else if (job.kind === 'compute') this.#compute(job.work, job.ranges, done);
    else if (job.kind === 'update') this.#update(job.work, done);
    else if (job.kind === 'push') {
      let missing = job.nodes.length;
      for (const { lo, hi } of job.nodes) {
        this.#push(job.term, job.item, lo, hi, (error) => {
          if (error) failed(error.message);
          else if (--missing === 0) done();
        });
      }
    } else if (job.kind === 'exchange') running.cancel = this.#exchange(job.work, job.term, job.member, done, failed);
    else if (job.kind === 'loadReduced') {
      running.cancel = this.#pull(job.address, `reduced ${job.item}`, job.term, job.item, (value) => {
        if (value instanceof Error) failed(value.message);
        else {
          this.#gotReduced(job.item, (value as Float32Array).slice());
          done();
        }
      });
    } else {
      const name = job.kind === 'loadState' ? `state ${job.item}` : `parameters ${job.item}`;
      const address = job.kind === 'loadState' && job.address !== '' ? job.address : this.#coordinator;
      this.#replica.do((free) => {
        if (!live()) {
          free();
          return;
        }
        this.#stateItem = undefined;
        const stop = this.#pull(address, name, job.term, job.item, (value) => {
          if (value instanceof Error) failed(value.message);
          else if (live()) {
            this.#state = copyState(value as ToyState);
            this.#stateItem = job.item;
            done({ digest: digestOf(this.#state.parameters) });
          }
          free();
        });
        running.cancel = () => {
          stop();
          free();
        };
      });
    }
  }

  #compute(work: Work, ranges: readonly { lo: number; hi: number }[], done: (answer: object) => void): void {
    const { shards } = toyOf(this.process.world);
    const sizes = shardsOf(work.samples, shards);
    const mine = ranges.flatMap(({ lo, hi }) => sizes.slice(lo, hi)).reduce((sum, s) => sum + s.to - s.from, 0);
    const computeMs =
      mine * this.habits.sampleMs * this.habits.slowness * (0.9 + 0.2 * this.process.world.random.next());
    const session = this.#session;
    this.#replica.compute(computeMs, () => {
      if (!this.#state) throw new Error('computes without parameters');
      const item = itemOf(work);
      const nodes = ranges
        .flatMap(({ lo, hi }) => maximalSubtrees({ lo: 0, hi: shards }, lo, hi))
        .flatMap(({ lo, hi }) => {
          const values = nodeResult((this.#state as ToyState).parameters, item, shards, lo, hi);
          if (!values) return [];
          if (this.#stateItem === work.parametersItem) this.board.put(work.item, nodeName(work.item, lo, hi), values);
          const inline = item.kind === 'evaluate';
          return [{ lo, hi, ...(inline && { values: new Uint8Array(values.buffer.slice(0)) }) }];
        });
      toyOf(this.process.world).computed(this, session, work, ranges);
      done({ nodes, computeMs });
    });
  }

  #update(work: Work, done: (answer: object) => void): void {
    this.#stateItem = undefined;
    this.#replica.compute(this.habits.updateMs, () => {
      const reduced = this.#reduced;
      if (!this.#state || reduced?.item !== work.item) return;
      update(this.#state, reduced.values, itemOf(work));
      this.#stateItem = work.item;
      const digest = digestOf(this.#state.parameters);
      const statistics = new Uint8Array(reduced.values.slice(resultElements - 1).buffer);
      const rest = { status: 0, statistics, gradientNorm: 0, penalty: 0, gradientSquares: [] };
      done({ update: { digest, ...rest } });
    });
  }

  /** Pulls the own slice of all nodes, folds, and gathers the slices of all owners. */
  #exchange(work: Work, term: number, member: number, done: () => void, failed: (m: string, who?: number) => void) {
    const { shards } = toyOf(this.process.world);
    const whole = { lo: 0, hi: shards };
    const stops: (() => void)[] = [];
    const sizes = shardsOf(work.samples, shards);
    let over = false;
    const stop = () => {
      over = true;
      for (const end of stops) end();
    };
    const get = (who: number, address: string, name: string, then: (values: Float32Array) => void) => {
      const got = (value: unknown) => {
        if (over) return;
        if (!(value instanceof Error)) {
          then(value as Float32Array);
          return;
        }
        stop();
        const unreachable = value.message.includes('answer') || value.message.includes('silent');
        failed(value.message, unreachable && who !== member ? who : undefined);
      };
      if (who === member) this.board.pull(term, work.item, name, got);
      else stops.push(this.#pull(address, name, term, work.item, got));
    };
    const nodes = work.shares.flatMap(({ member: who, address, ranges }) =>
      ranges
        .flatMap(({ lo, hi }) => maximalSubtrees(whole, lo, hi))
        .filter(({ lo, hi }) => sizes.slice(lo, hi).some(({ from, to }) => to > from))
        .map(({ lo, hi }) => ({ who, address, lo, hi })),
    );
    for (const { slice } of work.owners.filter((owner) => owner.member === member)) {
      const [from, to] = [(slice?.from ?? 0) / block, (slice?.to ?? 0) / block];
      const here = new Map<string, Float32Array>();
      for (const { who, address, lo, hi } of nodes) {
        get(who, address, nodeName(work.item, lo, hi), (values) => {
          here.set(`${lo}-${hi}`, values.slice(from, to));
          if (here.size < nodes.length) return;
          const leaf = ({ lo, hi }: { lo: number; hi: number }) =>
            here.get(`${lo}-${hi}`) ?? (hi - lo === 1 ? null : undefined);
          const sum = foldTree<Float32Array>(whole, leaf, add) as Float32Array;
          this.board.put(work.item, sliceName(work.item, from, to), sum);
        });
      }
    }
    const reduced = new Float32Array(resultElements);
    let missing = work.owners.length;
    for (const { member: who, address, slice } of work.owners) {
      const [from, to] = [(slice?.from ?? 0) / block, (slice?.to ?? 0) / block];
      get(who, address, sliceName(work.item, from, to), (values) => {
        reduced.set(values, from);
        if (--missing > 0) return;
        this.#gotReduced(work.item, reduced);
        done();
      });
    }
    return stop;
  }

  #gotReduced(item: number, values: Float32Array): void {
    this.#reduced = { item, values };
    this.board.put(item, `reduced ${item}`, values);
  }

  #pull(
    address: string | Process | undefined,
    name: string,
    term: number,
    item: number,
    then: (value: unknown) => void,
  ): () => void {
    const from = this.process;
    return this.#network.request(
      from,
      address ?? '',
      (server, answer) => serversOf(server)?.serve(name, term, item, answer),
      then,
      toyOf(from.world).carryMs,
    );
  }

  #push(term: number, item: number, lo: number, hi: number, then: (error: Error | undefined) => void): () => void {
    const piece = { term, item, lo, hi, from: this };
    return this.#network.request(
      this.process,
      this.#coordinator ?? '',
      (server, answer) => serversOf(server)?.serve('push', term, item, answer, piece),
      (value) => then(value instanceof Error ? value : undefined),
    );
  }

  /** The value of a node for whoever gets it pushed. */
  node(item: number, lo: number, hi: number): Float32Array | undefined {
    let values: Float32Array | undefined;
    this.board.pull(Number.POSITIVE_INFINITY, item, nodeName(item, lo, hi), (value) => {
      if (!(value instanceof Error)) values = value as Float32Array;
    });
    return values;
  }

  serve(name: string, term: number, item: number, answer: (value: never) => void): void {
    const reply = answer as (value: unknown) => void;
    if (!name.startsWith('state')) this.board.pull(term, item, name, reply);
    else if (this.#stateItem !== item || !this.#state) reply(new Error('another state'));
    else {
      const copy = copyState(this.#state);
      // An update that begins meanwhile would tear it.
      this.process.after(toyOf(this.process.world).carryMs, () =>
        reply(this.#stateItem === item ? copy : new Error('the state moved on')),
      );
    }
  }
}

export interface Server {
  serve(name: string, term: number, item: number, answer: (value: never) => void, piece?: unknown): void;
}

const serversOf = (process: Process) => process.world.servers.get(process) as Server | undefined;

/** What is the same for all of a history. */
export interface Toy {
  readonly shards: number;
  /** How long a piece takes to be carried, in milliseconds. */
  readonly carryMs: number;
  /** Told of every range that was computed. */
  computed(by: WorkerNode, session: number, work: Work, ranges: readonly { lo: number; hi: number }[]): void;
}
const toyOf = (world: World): Toy => world.toy as Toy;

export const nodeName = (item: number, lo: number, hi: number): string => `node ${item} ${lo}-${hi}`;
const sliceName = (item: number, from: number, to: number): string => `slice ${item} ${from}-${to}`;

export const itemOf = ({ kind, step, phase, samples }: Work): ToyItem => ({
  kind: kind === WorkKind.EVALUATE ? 'evaluate' : 'train',
  step,
  phase,
  samples,
});
