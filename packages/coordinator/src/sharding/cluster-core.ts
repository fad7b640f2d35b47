import { type Farewell, type FromWorker, type Hello, StallWatch } from '@lockstep/worker';
import { Member } from '../membership/member.ts';
import { Pace } from '../membership/pace.ts';
import { objection, sharedName, unable, unreachable, welcome } from './admission.ts';
import { Apportioner } from './apportioner.ts';
import { leavesOf, paceKind } from './batch.ts';
import { Boundary } from './boundary.ts';
import type {
  ClusterEffect,
  ClusterEvent,
  ClusterInput,
  ClusterOptions,
  FromCoordinatorMessage,
  ItemSpec,
} from './effects.ts';
import { ExchangeRound } from './exchange-round.ts';
import { Losses } from './losses.ts';
import type { Round, RoundContext, RoundMessage } from './round.ts';
import { roundFor } from './rounds.ts';

/** Changes of the worker set that fit into one incarnation's terms. */
const termsPerIncarnation = 65_536;

/** An item that waits for workers or state; `round` where it had begun before everybody was lost. */
interface Asked {
  readonly spec: ItemSpec;
  readonly upcoming: ItemSpec | undefined;
  readonly boundary: Boundary;
  readonly round?: Round;
}

/**
 * The coordinator's side of the cluster protocol, without I/O: what happens goes in, what is to be done comes out. It brings one item
 * at a time through, with whatever workers there are:
 *
 * - `idle`: the next item was not asked for yet;
 * - `boundary`: it was; workers are missing, or somebody is still taking the state;
 * - `round`: the item is with the workers; how it gets through is the round's matter;
 * - `over`: `finish`, `failed` or `rewind` was said, nothing more happens; workers are sent home with `finish`.
 */
export class ClusterCore {
  readonly #options: ClusterOptions;
  readonly #context: RoundContext;
  readonly #pace = new Pace();
  readonly #stall = new StallWatch();
  readonly #members = new Map<number, Member>();
  #effects: ClusterEffect[] = [];
  #nowMs = 0;
  #term: number;
  #memberCount = 0;
  #asked: Asked | undefined;
  #round: Round | undefined;
  readonly #losses = new Losses();
  /** The last item that changed parameters; 0 = the state this incarnation began with. */
  #stateItem = 0;
  /** The item whose whole state the coordinator holds itself. */
  #kept = 0;
  /** The item whose state it was asked to take a copy of. */
  #keeping = 0;
  #lastItem = 0;
  #started = false;
  #waiting = false;
  /** Nobody is waited for any more. */
  #stopping = false;
  /** Processes that found the job or its data at fault in the round at hand: one alone is not believed where another can say the same. */
  readonly #accusers = new Set<string>();
  /** Somebody came or went since the last item began, without a part in it: the term is raised with the next one. */
  #changed = false;
  #over = false;

  constructor(options: ClusterOptions) {
    const apportioner = new Apportioner();
    this.#options = options;
    this.#term = options.incarnation * termsPerIncarnation;
    this.#context = {
      options,
      pace: this.#pace,
      now: () => this.#nowMs,
      term: () => this.#term,
      able: () => this.members.filter(({ able }) => able),
      takers: () => this.#takers(),
      ranges: (spec, members) => {
        const kind = paceKind(spec);
        return apportioner.ranges(kind, members, this.#pace.weights(kind, members), leavesOf(spec, this.#context));
      },
      stateItem: () => this.#stateItem,
      advance: (item) => {
        this.#stateItem = item;
      },
      nextItem: () => ++this.#lastItem,
      say: (member, message) => this.#say(member, message),
      act: (effect) => this.#act(effect),
      lose: (member, reason) => this.#lose(member, reason, true),
      refuse: (what) => this.#act({ kind: 'refused', what }),
    };
  }

  get term(): number {
    return this.#term;
  }

  get members(): Member[] {
    return [...this.#members.values()];
  }

  /** Who can give the whole state after the last `done` item, with workers as owners. */
  get holders(): Member[] {
    return this.members.filter(({ holds }) => holds === this.#stateItem);
  }

  /** The last item that changed parameters. */
  get stateItem(): number {
    return this.#stateItem;
  }

  /** The highest number that an item was given. */
  get lastItem(): number {
    return this.#lastItem;
  }

  /** @param nowMs a monotonic clock */
  handle(nowMs: number, input: ClusterInput): ClusterEffect[] {
    this.#nowMs = nowMs;
    const stalledMs = this.#stall.observe(nowMs);
    if (stalledMs > 0) for (const { lease } of this.#members.values()) lease.excuse(stalledMs);
    if (!this.#over) {
      this.#take(input);
      this.#tick();
      this.#settle();
    } else if (input.kind === 'finish') this.#finish(input.reason, input.comeBack);
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  #take(input: ClusterInput): void {
    if (input.kind === 'received') this.#received(input.session, input.message);
    else if (input.kind === 'disconnected') this.#disconnected(input.session, input.reason);
    else if (input.kind === 'begin') this.#begin(input.item, input.upcoming);
    else if (input.kind === 'reached') this.#reached(input.member, input.reason);
    else if (input.kind === 'kept') this.#kept = Math.max(this.#kept, input.item);
    else if (input.kind === 'stop') this.#stopping = true;
    else if (input.kind === 'finish') this.#finish(input.reason, input.comeBack);
    else if (input.kind === 'spoilt') this.#spoilt(input);
    else if (input.kind !== 'tick') {
      if (input.kind === 'arrived' && input.different) this.#different(input.member);
      const round = this.#round ?? this.#asked?.round;
      if (round?.concerns(input.item)) round.told(input);
      else this.#context.refuse(`${input.kind} of item ${input.item}`);
    }
  }

  #received(session: number, { term, message }: FromWorker): void {
    if (message.case === undefined) return;
    if (message.case === 'hello') {
      this.#hello(session, message.value);
      return;
    }
    const member = this.#members.get(session);
    if (!member || term > this.#term || incarnation(term) < this.#options.incarnation) {
      this.#context.refuse(member ? `${message.case} of term ${term}` : `${message.case} of somebody who is no member`);
      return;
    }
    member.lease.heard(this.#nowMs);
    if (message.case === 'ready') this.#ready(member);
    else if (message.case === 'adopted') {
      if (message.value.item === this.#stateItem && !this.#round) member.holds = message.value.item;
    } else if (message.case === 'leaving') member.leaving = true;
    else if (message.case === 'failed') this.#failed(member, message);
    else if (message.case !== 'alive') {
      if (this.#round) this.#round.received(member, message, term);
      else this.#context.refuse(`${message.case} between items`);
    }
  }

  #hello(session: number, hello: Hello): void {
    if (this.#members.has(session)) {
      this.#context.refuse('a second Hello');
      return;
    }
    const { run, incarnation: mine, leaseMs } = this.#options;
    if (hello.run === run && incarnation(hello.highestTerm) > incarnation(this.#term)) {
      const seen = incarnation(hello.highestTerm);
      // A worker's word ends no run: whether another one drives it is written in the run's folder.
      this.#act({ kind: 'checkFence' });
      const reason = `Worker ${hello.name} has seen coordinator ${seen} of this run, and this is ${mine}: it belongs to the later one.`;
      this.#act({ kind: 'close', session, reason, farewell: 'later' });
      return;
    }
    const reason = objection(this.#options, hello);
    if (reason !== undefined) {
      this.#act({ kind: 'close', session, reason, farewell: 'never' });
      return;
    }
    for (const other of this.members) {
      if (other.instance === hello.instance) this.#lose(other, 'it came again over a new connection', true);
    }
    const reached = hello.address === '';
    const member = new Member(++this.#memberCount, session, hello, reached, leaseMs, this.#nowMs);
    this.#members.set(session, member);
    this.#say(member, welcome(this.#options, member));
    if (!reached) this.#act({ kind: 'reach', member: member.id, address: member.address });
  }

  #ready(member: Member): void {
    if (member.stage === 'ready') this.#context.refuse('a second Ready');
    else {
      member.stage = 'ready';
      this.#joined(member);
    }
  }

  #reached(id: number, reason: string | undefined): void {
    const member = this.members.find((other) => other.id === id);
    if (!member || member.reached) return;
    if (reason !== undefined) {
      // It may have been the network for a moment.
      this.#turnAway(member, unreachable(this.#options, member, reason), 'later');
      return;
    }
    member.reached = true;
    this.#joined(member);
  }

  #turnAway({ session }: Member, reason: string, farewell: Farewell): void {
    this.#members.delete(session);
    this.#act({ kind: 'close', session, reason, farewell });
  }

  #joined(member: Member): void {
    if (!member.able) return;
    this.#changed = true;
    const { id: worker, name, threads, address } = member;
    this.#event({ type: 'worker-joined', worker, name, threads, address, workers: this.#context.able().length });
    const twin = this.#context.able().find((other) => other !== member && other.name === name);
    const step = (this.#round?.step ?? this.#asked?.spec.step ?? 0) + 1;
    if (twin) this.#event({ type: 'warning', message: sharedName(twin, member), step });
    this.#round?.joined();
  }

  #failed(member: Member, message: RoundMessage & { case: 'failed' }): void {
    const { message: text, jobAtFault, unreachableMember } = message.value;
    if (member.stage !== 'ready') {
      this.#turnAway(member, unable(member, text), 'never');
      return;
    }
    if (jobAtFault) {
      this.#accused(member, text);
      return;
    }
    const other = this.members.find(({ id }) => id === unreachableMember);
    // The second time it complains it may be its own link that is broken.
    if (unreachableMember > 0 && this.#round && !member.blamed) {
      if (!other) return;
      member.blamed = true;
      this.#lose(other, `worker ${member.name} cannot reach it`, true);
    } else this.#lose(member, text, true);
  }

  /** Asked again it would give the same: it goes, and its shards are computed anew. */
  #spoilt({ member: id, node, item, reason }: ClusterInput & { kind: 'spoilt' }): void {
    const member = this.members.find((one) => one.id === id);
    if (member) this.#lose(member, `its sums of shards ${node.lo} to ${node.hi - 1} cannot be read (${reason})`, true);
    else this.#context.refuse(`sums of item ${item} that cannot be read`);
  }

  /** Where there are others they compute the same shards: a single worker's word ends no run. */
  #accused(member: Member, text: string): void {
    const { instance } = member;
    const other = (one: string) => one !== instance;
    const alone = !this.#context.able().some((one) => other(one.instance));
    if (alone || !this.#round || [...this.#accusers].some(other)) {
      this.#stop({ kind: 'failed', message: text });
      return;
    }
    this.#accusers.add(instance);
    this.#lose(member, `it finds the job at fault (${text})`, true);
  }

  #different(id: number): void {
    const name = this.members.find((member) => member.id === id)?.name ?? `number ${id}`;
    const step = (this.#round?.step ?? 0) + 1;
    const message = `Worker ${name} gave other bytes for shards of step ${step} than another worker did: one of the two machines computes wrongly.`;
    this.#event({ type: 'warning', message, step });
  }

  #disconnected(session: number, reason: string): void {
    const member = this.#members.get(session);
    if (member) this.#lose(member, member.leaving ? 'it left' : reason, false);
  }

  #lose(member: Member, reason: string, close: boolean): void {
    if (!this.#members.delete(member.session)) return;
    if (close) this.#act({ kind: 'close', session: member.session, reason, farewell: 'lost' });
    this.#pace.forget(member);
    if (member.stage !== 'ready') return;
    // Within an item a new term interrupts whoever exchanges: only where the item depends on who is gone.
    if (this.#round?.needs(member)) this.#raise();
    else this.#changed = true;
    const step = (this.#round?.step ?? this.#asked?.round?.step ?? this.#asked?.spec.step ?? 0) + 1;
    this.#losses.add({ member, reason, atMs: this.#nowMs, step, shards: this.#round?.lost(member) ?? [] });
  }

  #begin(spec: ItemSpec, upcoming: ItemSpec | undefined): void {
    if (this.#round || this.#asked || spec.item <= this.#lastItem) {
      this.#context.refuse(`begin of item ${spec.item}`);
      return;
    }
    this.#lastItem = spec.item;
    this.#asked = { spec, upcoming, boundary: this.#boundary() };
  }

  #boundary(): Boundary {
    return new Boundary(
      this.#context,
      (item) => this.#kept === item,
      () => this.holders.length > 0,
    );
  }

  #takers(): Member[] {
    const everybody = this.#options.placement === 'coordinator';
    return this.members.filter(({ able, holds }) => able && (everybody || holds === this.#stateItem));
  }

  #tick(): void {
    for (const member of this.members) {
      if (member.lease.expired(this.#nowMs)) {
        const seconds = (member.lease.silentMs(this.#nowMs) / 1000).toFixed(1);
        this.#lose(member, `silent for ${seconds} s`, true);
      } else if (this.#nowMs - member.saidMs >= this.#options.heartbeatMs) {
        this.#say(member, { case: 'alive', value: {} });
      }
    }
    this.#round?.tick();
    for (const warning of this.#losses.overdue(this.#nowMs)) this.#event(warning);
  }

  #settle(): void {
    if (this.#round?.stranded) this.#strand(this.#round);
    // What was on its way has arrived and was the last that was missing.
    if (this.#asked?.round && !this.#asked.round.stranded) this.#enter(this.#asked.round);
    if (this.#round?.done) this.#finishRound(this.#round);
    if (this.#asked) this.#startRound(this.#asked);
    if (this.#over) return;
    this.#tellLosses();
    for (const member of this.members) {
      if (!member.leaving || this.#round?.needs(member)) continue;
      if (!this.#lastHolder(member)) this.#dismiss(member);
      else if (!this.#round && this.#keeping !== this.#stateItem) {
        this.#keeping = this.#stateItem;
        this.#act({ kind: 'keep', item: this.#stateItem });
      }
    }
  }

  /** Everybody is gone in the middle of an item. Where the state before it is here it goes on when somebody comes. */
  #strand(round: Round): void {
    this.#round = undefined;
    const { spec, upcoming } = round;
    const asked = { spec, upcoming, boundary: this.#boundary() };
    if (!(round instanceof ExchangeRound)) this.#asked = { ...asked, round };
    else if (round.committed) this.#rewind(spec);
    else this.#asked = asked;
  }

  #finishRound({ spec }: Round): void {
    this.#round = undefined;
    this.#accusers.clear();
    // A round that advanced by itself is past its own item.
    if (spec.kind !== 'evaluate') this.#stateItem = Math.max(this.#stateItem, spec.item);
    if (this.#options.placement === 'coordinator') this.#kept = this.#stateItem;
    this.#tellLosses(() => true);
    this.#act({ kind: 'done', item: spec.item });
  }

  #startRound({ spec, upcoming, boundary, round: begun }: Asked): void {
    const needed = this.#started ? 1 : this.#options.minWorkers;
    if (this.#options.placement === 'workers') {
      const state = boundary.settle(needed);
      if (state === 'lost') this.#rewind(spec);
      if (state !== 'ready') {
        this.#wait(spec, needed);
        return;
      }
    } else if (this.#takers().length < needed) {
      this.#wait(spec, needed);
      return;
    }
    const round = begun ?? roundFor(spec, this.#context);
    if (upcoming) round.upcoming = upcoming;
    this.#enter(round);
    if (!begun) round.start();
  }

  #enter(round: Round): void {
    this.#started = true;
    this.#waiting = false;
    this.#asked = undefined;
    if (this.#changed) this.#raise();
    this.#changed = false;
    this.#round = round;
    round.joined();
  }

  #wait({ item, step }: ItemSpec, needed: number): void {
    const workers = this.#context.able().length;
    if (this.#over || workers >= needed) return;
    if (this.#stopping) {
      this.#asked = undefined;
      this.#act({ kind: 'withdrawn', item });
      return;
    }
    if (this.#waiting) return;
    this.#waiting = true;
    this.#event({ type: 'waiting', step: step + 1, workers, needed, lost: this.#losses.tell() });
  }

  #rewind({ step }: ItemSpec): void {
    const reason = `All workers that held the state before step ${step + 1} are gone.`;
    this.#stop({ kind: 'rewind', reason });
  }

  #tellLosses(covered = (shards: readonly number[]) => this.#round?.covers(shards) ?? false): void {
    const { length: workers } = this.#context.able();
    for (const event of this.#losses.take(covered, this.#nowMs, workers)) this.#event(event);
  }

  /** Whether the state would be lost with it. */
  #lastHolder(member: Member): boolean {
    const { placement } = this.#options;
    return placement === 'workers' && this.#kept !== this.#stateItem && this.holders.every((other) => other === member);
  }

  #dismiss(member: Member): void {
    this.#say(member, { case: 'finish', value: { reason: 'You asked to leave.', comeBack: false } });
    this.#lose(member, 'it left', true);
    this.#tellLosses();
  }

  #finish(reason: string, comeBack: boolean): void {
    for (const member of this.members) this.#say(member, { case: 'finish', value: { reason, comeBack } });
    this.#over = true;
  }

  #stop(effect: ClusterEffect): void {
    this.#tellLosses(() => true);
    this.#act(effect);
    this.#over = true;
  }

  /** The worker set has changed. Terms that overflow take a new incarnation's numbers, which is written down as one. */
  #raise(): void {
    this.#term++;
    if (this.#term % termsPerIncarnation === 0)
      this.#act({ kind: 'incarnation', incarnation: incarnation(this.#term) });
  }

  #say(member: Member, message: FromCoordinatorMessage): void {
    member.saidMs = this.#nowMs;
    this.#act({ kind: 'send', session: member.session, message: { term: this.#term, message } });
  }

  #event(event: ClusterEvent): void {
    this.#act({ kind: 'event', event });
  }

  #act(effect: ClusterEffect): void {
    this.#effects.push(effect);
  }
}

const incarnation = (term: number): number => Math.floor(term / termsPerIncarnation);
