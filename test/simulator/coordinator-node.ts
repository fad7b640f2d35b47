import { create } from '@bufbuild/protobuf';
import {
  Aggregator,
  FromCoordinatorSchema,
  type FromWorker,
  type TrainingState,
  tickMs,
  type Updated,
} from '@lockstep/worker';
import { CheckpointStore } from '../../packages/coordinator/src/checkpoint/store.ts';
import { Journal } from '../../packages/coordinator/src/observe/journal.ts';
import { ClusterCore } from '../../packages/coordinator/src/sharding/cluster-core.ts';
import type {
  ClusterEffect,
  ClusterEvent,
  ClusterInput,
  ItemSpec,
} from '../../packages/coordinator/src/sharding/effects.ts';
import { Fence } from '../../packages/coordinator/src/storage/fence.ts';
import { FencedFileSystem } from '../../packages/coordinator/src/storage/fenced-file-system.ts';
import type { FileSystem } from '../../packages/coordinator/src/storage/file-system.ts';
import { type AgendaEntry, agendaFrom, type Job } from './agenda.ts';
import type { Disk } from './disk.ts';
import type { End, Network, Stream } from './network.ts';
import { digestOf, gradientElements, initialState, resultElements, type ToyState, update } from './toy.ts';
import { coordinatorAddress, type Door, nodeName, type Server, type WorkerNode } from './worker-node.ts';
import { Process, type World } from './world.ts';

const block = 4096;
const dir = '/run';

/** What a history's coordinators tell whoever watches. */
export interface Watch {
  event(event: ClusterEvent): void;
  /** What an evaluation gave: the same whenever it is done. */
  evaluated(step: number, digest: string): void;
  /** Shards that were given out although a sum that covers them was there. */
  work(item: number, member: number, ranges: readonly { lo: number; hi: number }[], arrived: ReadonlySet<number>): void;
  finished(): void;
  failed(message: string): void;
}

/** A coordinator process: the real state machine, store and fence, around a toy agenda and a simulated disk. */
export class CoordinatorNode implements Door {
  readonly process: Process;
  readonly #world: World;
  readonly #network: Network;
  readonly #job: Job;
  readonly #watch: Watch;
  readonly #fs: FileSystem;
  readonly #failing: () => string | undefined;
  readonly #streams = new Map<number, Stream>();
  #sessions = 0;
  #core: ClusterCore | undefined;
  #store: CheckpointStore | undefined;
  #fence: Fence | undefined;
  #agenda: Iterator<AgendaEntry> | undefined;
  #entry: AgendaEntry | undefined;
  #next: AgendaEntry | undefined;
  #item = 0;
  #spec: ItemSpec | undefined;
  #state: ToyState = initialState();
  /** The item whose state that is. */
  #stateItem = 0;
  #stateStep = 0;
  #aggregator: Aggregator | undefined;
  #arrived = new Set<number>();
  #saving = false;
  #journal: Journal | undefined;
  /** Told when the process has ended by itself. */
  died: () => void = () => undefined;
  #updating = false;

  constructor(world: World, network: Network, disk: Disk, job: Job, watch: Watch, failing: () => string | undefined) {
    this.#world = world;
    this.#network = network;
    this.#job = job;
    this.#watch = watch;
    this.process = new Process(world, coordinatorAddress);
    this.#failing = failing;
    this.#fs = disk.of(this.process, failing);
    world.servers.set(this.process, this);
    void this.#start().catch((error) => this.#crash(error as Error));
    const tick = () => {
      this.handle({ kind: 'tick' });
      this.process.after(tickMs, tick);
    };
    this.process.after(0, tick);
    // One that was replaced while it was away notices even where it has nothing to write.
    const check = () => {
      this.#checkFence();
      this.process.after(job.leaseMs, check);
    };
    this.process.after(0, check);
  }

  #checkFence(): void {
    this.#fence?.check().catch((error) => this.#crash(error as Error));
  }

  /** The coordinator stops as one that was replaced, or that cannot go on; a supervisor may start another. */
  #crash(error: Error): void {
    if (!this.process.alive) return;
    this.process.kill();
    this.#network.died(this.process, false);
    this.died();
    const superseded = 'code' in error && error.code === 'SUPERSEDED';
    if (!superseded && !/ENOSPC|EIO/.test(error.message)) this.#watch.failed(error.message);
  }

  async #start(): Promise<void> {
    const fence = new Fence(dir, this.#fs, () => 'run');
    await this.#fs.makeDirectory(dir);
    const fs = new FencedFileSystem(this.#fs, fence);
    this.#store = new CheckpointStore(dir, identity, model, { last: 2, best: false }, fs, fence.id);
    const loaded = await this.#store.loadNewest();
    await fence.raise();
    this.#fence = fence;
    if (loaded) this.#load(loaded.state);
    this.#journal = await Journal.open(dir, { fs, fromStep: this.#stateStep });
    this.#network.listen(coordinatorAddress, this.process);
    this.#begin();
  }

  #load({ step, parameters, optimizer }: TrainingState): void {
    this.#state = { parameters: parameters.slice(), momentum: (optimizer.momentum as Float32Array).slice() };
    this.#stateStep = step;
  }

  #begin(): void {
    const { placement, shards, leaseMs, minWorkers } = this.#job;
    this.#core = new ClusterCore({
      run: 'run',
      incarnation: (this.#fence as Fence).incarnation,
      jobDigest: 'job',
      placement,
      mode: 'sync',
      reduce: 'f32',
      shards,
      leaseMs,
      heartbeatMs: leaseMs / 5,
      minWorkers,
      staleness: Number.POSITIVE_INFINITY,
      compression: '',
      admit: () => undefined,
    });
    this.#agenda = agendaFrom(this.#job, this.#stateStep);
    this.#next = this.#agenda.next().value as AgendaEntry | undefined;
    this.#advance();
  }

  handle(input: ClusterInput): void {
    if (!this.process.alive || !this.#core) return;
    for (const effect of this.#core.handle(this.#world.nowMs, input)) {
      this.#world.trace('coordinator', effect);
      this.#do(effect);
    }
  }

  /** The next entry of the agenda. */
  #advance(): void {
    this.#entry = this.#next;
    this.#next = (this.#agenda as Iterator<AgendaEntry>).next().value as AgendaEntry | undefined;
    const entry = this.#entry;
    if (!entry) this.#finish();
    else if (entry.kind === 'snapshot') this.#snapshot(entry.step);
    else this.#work(entry);
  }

  #work(entry: Exclude<AgendaEntry, { kind: 'snapshot' }>): void {
    this.#item++;
    this.#spec = this.#specOf(this.#item, entry);
    this.#aggregator = new Aggregator(this.#job.shards, entry.samples);
    this.#arrived = new Set();
    const ahead =
      this.#next && this.#next.kind !== 'snapshot' ? { upcoming: this.#specOf(this.#item + 1, this.#next) } : {};
    this.handle({ kind: 'begin', item: this.#spec, ...ahead });
  }

  #specOf(item: number, entry: Exclude<AgendaEntry, { kind: 'snapshot' }>): ItemSpec {
    const resultLength = resultElements * block;
    return { ...entry, item, firstSample: 0, learningRates: [], scalars: [], localSteps: 0, resultLength };
  }

  #finish(): void {
    void this.#close().catch((error) => this.#crash(error as Error));
  }

  async #close(): Promise<void> {
    await this.#journal?.sync();
    // A disk that fails now is tried again until it does not.
    while (this.#failing() !== undefined) {
      await this.process.sleep(300);
      await this.#journal?.sync();
    }
    await this.#fence?.check();
    this.handle({ kind: 'finish', reason: 'done', comeBack: true });
    this.#watch.finished();
  }

  dial(worker: WorkerNode, ends: Parameters<Door['dial']>[1]): ReturnType<Door['dial']> {
    if (!this.#core) return undefined;
    const session = ++this.#sessions;
    const stream = this.#network.connect([
      { owner: worker.process, ...(ends as Omit<End, 'owner'>) },
      {
        owner: this.process,
        received: (message) => this.handle({ kind: 'received', session, message: message as FromWorker }),
        closed: (reason) => this.handle({ kind: 'disconnected', session, reason }),
      },
    ]);
    this.#streams.set(session, stream);
    return { stream, process: this.process };
  }

  #do(effect: ClusterEffect): void {
    if (!this.process.alive) return;
    if (effect.kind === 'send') {
      const { message } = effect.message;
      if (message?.case === 'work') {
        const ranges = (message.value.ranges ?? []).map(({ lo = 0, hi = 0 }) => ({ lo, hi }));
        this.#watch.work(message.value.item ?? 0, effect.session, ranges, this.#arrived);
      }
      this.#streams.get(effect.session)?.send(1, create(FromCoordinatorSchema, effect.message));
    } else if (effect.kind === 'close') this.#streams.get(effect.session)?.close(1, effect.reason, effect.farewell);
    else if (effect.kind === 'reach') this.#reach(effect.member, effect.address);
    else if (effect.kind === 'collect') this.#collect(effect);
    else if (effect.kind === 'reduced') this.#reduced(effect.item);
    else if (effect.kind === 'committed') this.#committed(effect.updated);
    else if (effect.kind === 'keep') this.#keep(effect.item);
    else if (effect.kind === 'done') this.#done();
    else if (effect.kind === 'rewind') this.#rewind();
    else if (effect.kind === 'checkFence') this.#checkFence();
    else if (effect.kind === 'failed') this.#crash(new Error(effect.message));
    else if (effect.kind === 'event') this.#watch.event(effect.event);
  }

  #reach(member: number, address: string): void {
    this.#network.request<true>(
      this.process,
      address,
      (_, answer) => answer(true),
      (value) => {
        const reason = value instanceof Error ? { reason: value.message } : {};
        this.handle({ kind: 'reached', member, ...reason });
      },
    );
  }

  #collect({ member, address, item, node, values }: ClusterEffect & { kind: 'collect' }): void {
    if (values) {
      this.#take(member, item, node, new Float32Array(values.slice().buffer));
      return;
    }
    const term = (this.#core as ClusterCore).term;
    this.#network.request<Float32Array>(
      this.process,
      address,
      (server, answer) => this.#server(server)?.serve(nodeName(item, node.lo, node.hi), term, item, answer as never),
      (value) => {
        if (value instanceof Error) this.handle({ kind: 'missed', member, item, node, reason: value.message });
        else this.#take(member, item, node, value.slice());
      },
      this.#job.carryMs,
    );
  }

  #take(member: number, item: number, node: { lo: number; hi: number }, values: Float32Array): void {
    if (item === this.#item && this.#aggregator) {
      const arrival = this.#aggregator.add(node, values, digestOf(values));
      if (arrival === 'different') this.#watch.failed(`node ${node.lo}-${node.hi} of item ${item} differs`);
      for (let s = node.lo; s < node.hi; s++) this.#arrived.add(s);
    }
    this.handle({ kind: 'arrived', member, item, node });
  }

  #reduced(item: number): void {
    const root = this.#aggregator?.root;
    const entry = this.#entry;
    if (!root || entry?.kind === 'snapshot' || !entry) {
      this.#watch.failed(`no root at item ${item}`);
      return;
    }
    this.#updating = true;
    this.process.after(1, () => {
      this.#updating = false;
      if (entry.kind === 'evaluate') this.#watch.evaluated(entry.step, digestOf(root));
      else {
        update(this.#state, root, entry);
        this.#stateItem = item;
        this.#line(entry.step + 1, entry.phase, digestOf(this.#state.parameters));
      }
      this.handle({ kind: 'updated', item });
    });
  }

  #committed({ digest }: Updated): void {
    const entry = this.#entry;
    if (entry?.kind === 'train') this.#line(entry.step + 1, entry.phase, digest);
  }

  /** A line is appended, or must be the one that is there. */
  #line(step: number, phase: number, digest: string): void {
    try {
      this.#journal?.append({ step, phase: phaseName(phase), digest, loss: 0, learningRates: [], scalars: [] });
    } catch (error) {
      this.#crash(error as Error);
    }
    // Not by a timer, which would be one of real time.
    void this.#journal?.flush();
  }

  #done(): void {
    this.process.after(0, () => this.#advance());
  }

  /** With workers as owners the state is with them: any of them will do. */
  #snapshot(step: number): void {
    const core = this.#core as ClusterCore;
    const save = (state: ToyState) => {
      this.#state = state;
      this.#stateItem = core.stateItem;
      this.#stateStep = step;
      this.handle({ kind: 'kept', item: core.stateItem });
      void this.#save(step, state);
      this.#advance();
    };
    if (this.#job.placement === 'coordinator' || this.#stateItem === core.stateItem) {
      save(copy(this.#state));
      return;
    }
    if (!this.#fetchState(core, save, () => this.#snapshot(step))) this.#rewind();
  }

  /** Before the last holder goes. */
  #keep(item: number): void {
    const core = this.#core as ClusterCore;
    const save = (state: ToyState) => {
      this.#state = state;
      this.#stateItem = item;
      this.handle({ kind: 'kept', item });
    };
    this.#fetchState(core, save, () => core.stateItem === item && this.#keep(item));
  }

  /** @returns false where nobody has it */
  #fetchState(core: ClusterCore, save: (state: ToyState) => void, again: () => void): boolean {
    const holder = core.holders[0];
    if (!holder) return false;
    this.#network.request<ToyState>(
      this.process,
      holder.address,
      (server, answer) =>
        this.#server(server)?.serve(`state ${core.stateItem}`, core.term, core.stateItem, answer as never),
      (value) => {
        if (core !== this.#core) return;
        if (value instanceof Error) this.process.after(100, () => core === this.#core && again());
        else save(copy(value));
      },
      this.#job.carryMs,
    );
    return true;
  }

  async #save(step: number, { parameters, momentum }: ToyState): Promise<void> {
    if (this.#saving) return;
    this.#saving = true;
    const state = { step, parameters: parameters.slice(), optimizer: { momentum: momentum.slice() }, counters: {} };
    try {
      // A run that resumed there would leave a hole in the journal.
      if (!(await this.#journal?.sync())) await (this.#store as CheckpointStore).save(state);
    } catch (error) {
      if ((error as { code?: string }).code === 'SUPERSEDED') this.#crash(error as Error);
    }
    this.#saving = false;
  }

  /** All who held the state are gone: this coordinator ends as one that is killed, and one that resumes is started. */
  #rewind(): void {
    this.process.kill();
    this.#network.died(this.process, false);
    this.died();
  }

  #server(process: Process): Server | undefined {
    return this.#world.servers.get(process) as Server | undefined;
  }

  serve(name: string, term: number, item: number, answer: (value: never) => void, piece?: unknown): void {
    const reply = answer as (value: unknown) => void;
    // Items of another coordinator are other items.
    if (Math.floor(term / 65_536) !== this.#fence?.incarnation) reply(new Error('another incarnation'));
    else if (name === 'job') reply('job');
    else if (name === 'push') {
      const { lo, hi, from } = piece as { lo: number; hi: number; from: WorkerNode };
      const values = from.node(item, lo, hi);
      if (!values) reply(new Error('nothing'));
      else {
        this.#take(0, item, { lo, hi }, values.slice());
        reply(true);
      }
    } else if (item === this.#stateItem && !this.#updating) reply(copy(this.#state));
    else reply(new Error('another state'));
  }
}

/** Name of a phase in the journal. */
export const phaseName = (phase: number): string => `p${phase}`;

export const folder = dir;

const copy = ({ parameters, momentum }: ToyState): ToyState => ({
  parameters: parameters.slice(),
  momentum: momentum.slice(),
});

const identity = {
  name: 'toy',
  numericsVersion: 1,
  seed: 1,
  batch: { size: 1, shards: 1 },
  reduce: 'f32' as const,
  dataDigest: '',
  program: '',
};
const model = {
  name: 'toy',
  numericsVersion: 1,
  layout: {
    entries: [{ name: 'w', shape: [gradientElements], offset: 0, size: gradientElements }],
    length: gradientElements,
  },
  fields: [],
  predict: null,
  predictFields: [],
} as unknown as ConstructorParameters<typeof CheckpointStore>[2];
