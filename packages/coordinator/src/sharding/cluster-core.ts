import { type Adopted, type FromWorker, StallWatch, termsPerIncarnation } from '@lockstep/worker';
import type { Member } from '../membership/member.ts';
import { Pace } from '../membership/pace.ts';
import { Accusations } from './accusations.ts';
import { sharedName, unable } from './admission.ts';
import { Apportioner } from './apportioner.ts';
import { leavesOf, paceKind } from './batch.ts';
import { Course } from './course.ts';
import type { ClusterEffect, ClusterEvent, ClusterInput, ClusterOptions } from './effects.ts';
import { Losses } from './losses.ts';
import { Roster } from './roster.ts';
import type { RoundContext, RoundMessage } from './round.ts';
import { incarnationOf } from './terms.ts';

/**
 * The coordinator's side of the cluster protocol, without I/O: what happens goes in, what is to be done comes out. It brings one item
 * at a time through, with whatever workers there are:
 *
 * - `idle`: the next item was not asked for yet;
 * - `boundary`: it was; workers are missing, or somebody is still taking the state;
 * - `round`: the item is with the workers; how it gets through is the round's matter;
 * - `over`: `finish`, `failed` or `rewind` was said, nothing more happens; workers are sent home with `finish`.
 *
 * Who is there is the roster's matter, what is done next the course's; here is what one means for the other.
 */
export class ClusterCore {
  readonly #options: ClusterOptions;
  readonly #context: RoundContext;
  readonly #roster: Roster;
  readonly #course: Course;
  readonly #pace = new Pace();
  readonly #stall = new StallWatch();
  readonly #losses = new Losses();
  readonly #accusations = new Accusations();
  #effects: ClusterEffect[] = [];
  #nowMs = 0;
  #term: number;
  /** Somebody came or went since the last item began, without a part in it: the term is raised with the next one. */
  #changed = false;
  #over = false;
  /** The last update that everybody's weights have to agree with. */
  #committed: { readonly item: number; readonly digest: string } | undefined;

  constructor(options: ClusterOptions) {
    this.#options = options;
    this.#term = options.incarnation * termsPerIncarnation;
    this.#context = this.#newContext();
    const { now, term, act, refuse } = this.#context;
    this.#roster = new Roster({
      ...{ options, now, term, act, refuse },
      joined: (member) => this.#joined(member),
      lost: (member, reason) => this.#lost(member, reason),
    });
    this.#course = new Course({
      context: this.#context,
      holders: () => this.holders,
      entered: () => {
        if (this.#changed) this.#raise();
        this.#changed = false;
      },
      waits: (step, workers, needed) =>
        this.#event({ type: 'waiting', step, workers, needed, lost: this.#losses.tell() }),
      finished: (item) => {
        this.#accusations.clear();
        this.#tellLosses(() => true);
        this.#act({ kind: 'done', item });
      },
      stop: (effect) => this.#stop(effect),
    });
  }

  get term(): number {
    return this.#term;
  }

  get members(): Member[] {
    return this.#roster.members;
  }

  /** Who can give the whole state after the last `done` item, with workers as owners. */
  get holders(): Member[] {
    return this.members.filter(({ holds }) => holds === this.stateItem);
  }

  /** The last item that changed parameters. */
  get stateItem(): number {
    return this.#course.stateItem;
  }

  /** The highest number that an item was given. */
  get lastItem(): number {
    return this.#course.lastItem;
  }

  /** @param nowMs a monotonic clock */
  handle(nowMs: number, input: ClusterInput): ClusterEffect[] {
    this.#nowMs = nowMs;
    const stalledMs = this.#stall.observe(nowMs);
    if (stalledMs > 0) this.#roster.excuse(stalledMs);
    if (!this.#over) {
      this.#take(input);
      this.#tick();
      this.#settle();
    } else if (input.kind === 'finish') this.#finish(input.reason, input.comeBack);
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  #newContext(): RoundContext {
    const apportioner = new Apportioner();
    return {
      options: this.#options,
      pace: this.#pace,
      now: () => this.#nowMs,
      term: () => this.#term,
      able: () => this.#roster.able,
      takers: () => this.#takers(),
      ranges: (spec, members) => {
        const kind = paceKind(spec);
        return apportioner.ranges(kind, members, this.#pace.weights(kind, members), leavesOf(spec, this.#context));
      },
      stateItem: () => this.stateItem,
      advance: (item) => {
        this.#course.stateItem = item;
      },
      nextItem: () => ++this.#course.lastItem,
      say: (member, message) => this.#roster.say(member, message),
      act: (effect) => this.#act(effect),
      lose: (member, reason) => this.#roster.lose(member, reason),
      refuse: (what) => this.#act({ kind: 'refused', what }),
    };
  }

  #takers(): Member[] {
    const everybody = this.#options.placement === 'coordinator';
    return this.#roster.able.filter(({ holds }) => everybody || holds === this.stateItem);
  }

  #take(input: ClusterInput): void {
    if (input.kind === 'received') this.#received(input.session, input.message);
    else if (input.kind === 'disconnected') this.#roster.disconnected(input.session, input.reason);
    else if (input.kind === 'begin') this.#course.begin(input.item, input.upcoming);
    else if (input.kind === 'reached') this.#roster.reached(input.member, input.reason);
    else if (input.kind === 'kept') this.#course.kept(input.item);
    else if (input.kind === 'stop') this.#course.stopWaiting();
    else if (input.kind === 'finish') this.#finish(input.reason, input.comeBack);
    else if (input.kind === 'spoilt') this.#spoilt(input);
    else if (input.kind !== 'tick') {
      if (input.kind === 'arrived' && input.different) this.#different(input.member);
      const { receiving } = this.#course;
      if (receiving?.concerns(input.item)) receiving.told(input);
      else this.#context.refuse(`${input.kind} of item ${input.item}`);
    }
  }

  #received(session: number, { term, message }: FromWorker): void {
    if (message.case === undefined) return;
    if (message.case === 'hello') {
      this.#roster.hello(session, message.value);
      return;
    }
    const member = this.#roster.at(session);
    if (!member || term > this.#term || incarnationOf(term) < this.#options.incarnation) {
      this.#context.refuse(member ? `${message.case} of term ${term}` : `${message.case} of somebody who is no member`);
      return;
    }
    const { round } = this.#course;
    member.lease.heard(this.#nowMs);
    if (message.case === 'ready') this.#roster.ready(member);
    else if (message.case === 'adopted') {
      if (message.value.item === this.stateItem && !round) this.#adopted(member, message.value);
    } else if (message.case === 'leaving') member.leaving = true;
    else if (message.case === 'failed') this.#failed(member, message);
    else if (message.case !== 'alive') {
      if (round) round.received(member, message, term);
      else this.#context.refuse(`${message.case} between items`);
    }
  }

  /** Sums of a worker whose weights are others would spoil everybody's, and all would agree on them. */
  #adopted(member: Member, { item, digest }: Adopted): void {
    const committed = this.#committed;
    if (committed?.item !== item || committed.digest === digest) {
      member.holds = item;
      return;
    }
    const message = `Worker ${member.name} has taken over the weights of step ${this.#course.step} as ${digest}, and they are ${committed.digest}: what was copied, or one of the machines, is at fault. ${member.name} is left out.`;
    this.#event({ type: 'warning', message, step: this.#course.step });
    this.#roster.lose(member, 'its weights differ');
  }

  #joined(member: Member): void {
    this.#changed = true;
    const { id: worker, name, threads, address } = member;
    const { able } = this.#roster;
    this.#event({ type: 'worker-joined', worker, name, threads, address, workers: able.length });
    const twin = able.find((other) => other !== member && other.name === name);
    if (twin) this.#event({ type: 'warning', message: sharedName(twin, member), step: this.#course.step + 1 });
    this.#course.round?.joined();
  }

  #lost(member: Member, reason: string): void {
    const { round, step } = this.#course;
    this.#pace.forget(member);
    // Within an item a new term interrupts whoever exchanges: only where the item depends on who is gone.
    if (round?.needs(member)) this.#raise();
    else this.#changed = true;
    this.#losses.add({ member, reason, atMs: this.#nowMs, step: step + 1, shards: round?.lost(member) ?? [] });
  }

  #failed(member: Member, message: RoundMessage & { case: 'failed' }): void {
    const { message: text, jobAtFault, unreachableMember } = message.value;
    const { round } = this.#course;
    if (member.stage !== 'ready') this.#roster.turnAway(member, unable(member, text), 'never');
    else if (jobAtFault) {
      if (!round || this.#accusations.add(member, this.#roster.able)) this.#stop({ kind: 'failed', message: text });
      else this.#roster.lose(member, `it finds the job at fault (${text})`);
    } else if (unreachableMember > 0 && round && !member.blamed) {
      const other = this.#roster.find(unreachableMember);
      if (!other) return;
      // The second time it complains it may be its own link that is broken.
      member.blamed = true;
      this.#roster.lose(other, `worker ${member.name} cannot reach it`);
    } else this.#roster.lose(member, text);
  }

  /** Asked again it would give the same: it goes, and its shards are computed anew. */
  #spoilt({ member: id, node, item, reason }: ClusterInput & { kind: 'spoilt' }): void {
    const member = this.#roster.find(id);
    if (member) this.#roster.lose(member, `its sums of shards ${node.lo} to ${node.hi - 1} cannot be read (${reason})`);
    else this.#context.refuse(`sums of item ${item} that cannot be read`);
  }

  #different(id: number): void {
    const name = this.#roster.find(id)?.name ?? `number ${id}`;
    const step = (this.#course.round?.step ?? 0) + 1;
    const message = `Worker ${name} gave other bytes for shards of step ${step} than another worker did: one of the two machines computes wrongly.`;
    this.#event({ type: 'warning', message, step });
  }

  #tick(): void {
    this.#roster.tick();
    this.#course.round?.tick();
    for (const warning of this.#losses.overdue(this.#nowMs)) this.#event(warning);
  }

  #settle(): void {
    this.#course.settle();
    if (this.#over) return;
    this.#tellLosses();
    for (const member of this.members) {
      if (!member.leaving || this.#course.round?.needs(member)) continue;
      if (this.#course.isLastHolder(member)) this.#course.keep();
      else this.#dismiss(member);
    }
  }

  #tellLosses(covered = (shards: readonly number[]) => this.#course.round?.covers(shards) ?? false): void {
    const { length: workers } = this.#roster.able;
    for (const event of this.#losses.take(covered, this.#nowMs, workers)) this.#event(event);
  }

  #dismiss(member: Member): void {
    this.#roster.say(member, { case: 'finish', value: { reason: 'You asked to leave.', comeBack: false } });
    this.#roster.lose(member, 'it left');
    this.#tellLosses();
  }

  #finish(reason: string, comeBack: boolean): void {
    for (const member of this.members) this.#roster.say(member, { case: 'finish', value: { reason, comeBack } });
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
      this.#act({ kind: 'incarnation', incarnation: incarnationOf(this.#term) });
  }

  #event(event: ClusterEvent): void {
    this.#act({ kind: 'event', event });
  }

  #act(effect: ClusterEffect): void {
    if (effect.kind === 'committed') this.#committed = { item: effect.item, digest: effect.updated.digest };
    this.#effects.push(effect);
  }
}
