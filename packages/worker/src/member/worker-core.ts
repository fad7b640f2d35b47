import type { FromCoordinator, Hello, Welcome } from '../gen/lockstep/v1/training_pb.ts';
import { BackOff } from './back-off.ts';
import type { FromWorkerMessage, WorkerEffect, WorkerInput } from './effects.ts';
import { Jobs } from './jobs.ts';
import { Lease, StallWatch } from './lease.ts';
import { Planning } from './planning.ts';
import { Session } from './session.ts';

/** What a worker says of itself in `Hello`; the rest it remembers. */
export type Introduction = Pick<
  Hello,
  | 'name'
  | 'threads'
  | 'kernelsHash'
  | 'numericsVersion'
  | 'release'
  | 'memoryLimitBytes'
  | 'address'
  | 'dataKinds'
  | 'instance'
>;

/**
 * Where a worker stands:
 *
 * - `away`: there is no stream; the next dial is due at `dialAtMs`;
 * - `dialling`: a stream is being opened;
 * - `greeting`: it is open, `Hello` was said, `Welcome` is awaited;
 * - `preparing`: a member, but the job is still being pulled, checked and planned;
 * - `member`: `Ready` was said; its session knows what it does;
 * - `ended`: it is over.
 */
export type WorkerState =
  | { readonly kind: 'away'; readonly dialAtMs: number }
  | { readonly kind: 'dialling' | 'greeting'; readonly connection: number; readonly sinceMs: number }
  | { readonly kind: 'preparing'; readonly connection: number; readonly welcome: Welcome; readonly lease: Lease }
  | {
      readonly kind: 'member';
      readonly connection: number;
      readonly welcome: Welcome;
      readonly lease: Lease;
      readonly session: Session;
    }
  | { readonly kind: 'ended' };

/** Dialling and greeting take no longer at first, in milliseconds: an address behind which nobody answers is tried again. */
const greetingMs = 10_000;

/**
 * A coordinator is given so many leases: one whose event loop stands still for a lease's time has evicted nobody, and should find everybody
 * there when it goes on.
 */
const patience = 2;

/** Nor less than this, however short a run's leases are: a busy machine takes a while to answer. */
const leastGreetingMs = 2000;

/** The worker's side of the cluster protocol, without I/O: what happens goes in, what is to be done comes out. */
export class WorkerCore {
  readonly #introduction: Introduction;
  readonly #backOff: BackOff;
  readonly #jobs: Jobs;
  readonly #planning: Planning;
  readonly #stall = new StallWatch();
  #effects: WorkerEffect[] = [];
  #nowMs: number;
  #state: WorkerState;
  #connections = 0;
  #saidMs = 0;
  /** Once the run is known: as long as its leases, since who is silent for so long is given up. */
  #greetingMs = greetingMs;
  /** The run this worker was in last, and the highest term it has seen of it. */
  #known = { run: '', term: 0 };
  #leaving: string | undefined;

  /** @param random uniform in [0, 1), for the jitter of waits: it decides when, never what */
  constructor(introduction: Introduction, random: () => number, nowMs: number) {
    this.#introduction = introduction;
    this.#backOff = new BackOff(random);
    this.#jobs = new Jobs((effect) => this.#act(effect), random);
    this.#planning = new Planning(this.#jobs);
    this.#nowMs = nowMs;
    this.#state = { kind: 'away', dialAtMs: nowMs };
  }

  get state(): WorkerState {
    return this.#state;
  }

  /** @param nowMs a monotonic clock */
  handle(nowMs: number, input: WorkerInput): WorkerEffect[] {
    this.#nowMs = nowMs;
    const stalledMs = this.#stall.observe(nowMs);
    if (stalledMs > 0 && 'lease' in this.#state) this.#state.lease.excuse(stalledMs);
    this.#jobs.tick(nowMs);
    if (input.kind === 'connected') this.#connected(input.connection);
    else if (input.kind === 'disconnected') this.#disconnected(input.connection);
    else if (input.kind === 'received') this.#received(input.connection, input.message);
    else if (input.kind === 'done' || input.kind === 'failed') this.#jobs.answered(input);
    else if (input.kind === 'leave') this.#leave(input.reason);
    this.#tick();
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  #tick(): void {
    const state = this.#state;
    if (state.kind === 'away' && this.#nowMs >= state.dialAtMs) {
      const connection = ++this.#connections;
      this.#state = { kind: 'dialling', connection, sinceMs: this.#nowMs };
      this.#act({ kind: 'dial', connection });
    } else if (state.kind === 'dialling' || state.kind === 'greeting') {
      if (this.#nowMs - state.sinceMs > this.#greetingMs) this.#hangUp('nobody answers');
    } else if ('lease' in state) {
      if (state.lease.expired(this.#nowMs)) this.#hangUp('the coordinator is silent');
      else if (this.#nowMs - this.#saidMs >= state.welcome.heartbeatMs) this.#say({ case: 'alive', value: {} });
    }
  }

  #connected(connection: number): void {
    if (this.#state.kind !== 'dialling' || this.#state.connection !== connection) return;
    this.#state = { kind: 'greeting', connection, sinceMs: this.#nowMs };
    const { run, term } = this.#known;
    const value = { ...this.#introduction, jobDigest: this.#planning.planned, highestTerm: term, run };
    this.#act({ kind: 'send', connection, message: { term: 0, message: { case: 'hello', value } } });
  }

  #disconnected(connection: number): void {
    if (this.#connection === connection) this.#away();
  }

  #hangUp(reason: string): void {
    this.#act({ kind: 'hangUp', connection: this.#connection as number, reason });
    this.#away();
  }

  #away(): void {
    if (this.#state.kind === 'member') this.#state.session.close();
    this.#state = { kind: 'away', dialAtMs: this.#nowMs + this.#backOff.next() };
    if (this.#leaving !== undefined) this.#end(this.#leaving);
  }

  #received(connection: number, message: FromCoordinator): void {
    if (this.#connection !== connection || message.message.case === undefined) return;
    if (message.message.case === 'welcome') this.#welcomed(message.message.value, message.term);
    else if (message.term < this.#known.term)
      this.#refuse(`a message of term ${message.term}, after one of term ${this.#known.term}`);
    else if ('lease' in this.#state) {
      this.#known.term = message.term;
      this.#state.lease.heard(this.#nowMs);
      if (message.message.case === 'finish') this.#finish(message.message.value.reason, message.message.value.comeBack);
      else if (this.#state.kind === 'member') this.#state.session.received(message);
      else if (message.message.case !== 'alive') this.#refuse(`${message.message.case} before Ready`);
    }
  }

  #welcomed(welcome: Welcome, term: number): void {
    const { run, term: seen } = this.#known;
    if (this.#state.kind !== 'greeting') this.#refuse('a second Welcome');
    else if (welcome.run === run && term < seen) {
      this.#refuse(`a coordinator of term ${term}, which one of term ${seen} has replaced`);
      this.#hangUp('this coordinator was replaced by another one');
    } else {
      // Items are numbered anew by each coordinator of a run.
      if (welcome.run !== run || incarnation(term) !== incarnation(seen)) this.#act({ kind: 'forget' });
      this.#known = { run: welcome.run, term };
      this.#greetingMs = Math.min(greetingMs, Math.max(leastGreetingMs, welcome.leaseMs));
      const { connection } = this.#state;
      this.#state = {
        kind: 'preparing',
        connection,
        welcome,
        lease: new Lease(patience * welcome.leaseMs, this.#nowMs),
      };
      this.#saidMs = this.#nowMs;
      this.#prepare(welcome);
    }
  }

  #prepare(welcome: Welcome): void {
    const here = () => this.#state.kind === 'preparing' && this.#state.welcome === welcome;
    this.#planning.prepare(
      welcome,
      this.#known.term,
      () => here() && this.#ready(),
      ({ message, fault }) => {
        if (!here()) return;
        const value = { item: 0, message, jobAtFault: fault === 'job', unreachableMember: 0 };
        // Who says that it cannot is turned away, in a sentence, by the other end.
        if (fault === 'network') this.#hangUp(message);
        else this.#say({ case: 'failed', value });
      },
    );
  }

  #ready(): void {
    if (this.#state.kind !== 'preparing') return;
    const session = new Session({
      welcome: this.#state.welcome,
      jobs: this.#jobs,
      reachable: this.#introduction.address !== '',
      term: () => this.#known.term,
      say: (message) => this.#say(message),
      act: (effect) => this.#act(effect),
    });
    this.#state = { ...this.#state, kind: 'member', session };
  }

  #finish(reason: string, comeBack: boolean): void {
    if (!comeBack) this.#leaving ??= reason;
    this.#hangUp(reason);
  }

  #leave(reason: string): void {
    if (this.#leaving !== undefined) return;
    this.#leaving = reason;
    if ('lease' in this.#state) this.#say({ case: 'leaving', value: { reason } });
    else if (this.#connection !== undefined) this.#hangUp(reason);
    else this.#end(reason);
  }

  #end(reason: string): void {
    if (this.#state.kind === 'ended') return;
    this.#state = { kind: 'ended' };
    this.#act({ kind: 'end', reason });
  }

  get #connection(): number | undefined {
    return 'connection' in this.#state ? this.#state.connection : undefined;
  }

  #say(message: FromWorkerMessage): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    this.#saidMs = this.#nowMs;
    // Not before it was of use: one that joins, fails and joins again would be in the others' way.
    if (message.case === 'computed') this.#backOff.reset();
    this.#act({ kind: 'send', connection, message: { term: this.#known.term, message } });
  }

  #refuse(what: string): void {
    this.#act({ kind: 'refused', what });
  }

  #act(effect: WorkerEffect): void {
    this.#effects.push(effect);
  }
}

const incarnation = (term: number): number => Math.floor(term / 65536);
