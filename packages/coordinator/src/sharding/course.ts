import type { Member } from '../membership/member.ts';
import { Boundary } from './boundary.ts';
import type { ClusterEffect, ItemSpec } from './effects.ts';
import { ExchangeRound } from './exchange-round.ts';
import type { Round, RoundContext } from './round.ts';
import { roundFor } from './rounds.ts';

/** An item that waits for workers or state; `round` where it had begun before everybody was lost. */
interface Asked {
  readonly spec: ItemSpec;
  readonly upcoming: ItemSpec | undefined;
  readonly boundary: Boundary;
  readonly round?: Round;
}

/** What the course of a run may use of its cluster. */
export interface CoursePort {
  readonly context: RoundContext;
  /** Who holds the state after the last item. */
  holders(): readonly Member[];
  /** A round begins, or goes on: whoever came or went before it belongs to a new term. */
  entered(): void;
  /** Too few are here. */
  waits(step: number, workers: number, needed: number): void;
  /** All is done everywhere. */
  finished(item: number): void;
  /** Nothing more happens after this effect. */
  stop(effect: ClusterEffect): void;
}

/** The items of a run, one at a time: from `begin` over the boundary, where workers or state are waited for, through the round that brings it about. */
export class Course {
  readonly #port: CoursePort;
  #asked: Asked | undefined;
  #round: Round | undefined;
  /** The last item that changed parameters; 0 = the state this incarnation began with. */
  stateItem = 0;
  /** The highest number that an item was given. */
  lastItem = 0;
  /** The item whose whole state the coordinator holds itself. */
  #kept = 0;
  /** The item whose state it was asked to take a copy of. */
  #keeping = 0;
  #started = false;
  #waiting = false;
  /** Nobody is waited for any more. */
  #stopping = false;

  constructor(port: CoursePort) {
    this.#port = port;
  }

  /** The item that is with the workers. */
  get round(): Round | undefined {
    return this.#round;
  }

  /** The round that data still come for: the one at hand, or one that everybody was lost in. */
  get receiving(): Round | undefined {
    return this.#round ?? this.#asked?.round;
  }

  /** Finished steps by now. */
  get step(): number {
    return this.receiving?.step ?? this.#asked?.spec.step ?? 0;
  }

  begin(spec: ItemSpec, upcoming: ItemSpec | undefined): void {
    if (this.#round || this.#asked || spec.item <= this.lastItem) {
      this.#port.context.refuse(`begin of item ${spec.item}`);
      return;
    }
    this.lastItem = spec.item;
    this.#asked = { spec, upcoming, boundary: this.#boundary() };
  }

  kept(item: number): void {
    this.#kept = Math.max(this.#kept, item);
  }

  stopWaiting(): void {
    this.#stopping = true;
  }

  /** Whatever can go on goes on. */
  settle(): void {
    if (this.#round?.stranded) this.#strand(this.#round);
    // What was on its way has arrived and was the last that was missing.
    if (this.#asked?.round && !this.#asked.round.stranded) this.#enter(this.#asked.round);
    if (this.#round?.done) this.#finishRound(this.#round);
    if (this.#asked) this.#startRound(this.#asked);
  }

  /** Whether the state would be lost with it. */
  isLastHolder(member: Member): boolean {
    const { context, holders } = this.#port;
    return (
      context.options.placement === 'workers' &&
      this.#kept !== this.stateItem &&
      holders().every((other) => other === member)
    );
  }

  /** Between two items a copy of the state is asked for, once. */
  keep(): void {
    if (this.#round || this.#keeping === this.stateItem) return;
    this.#keeping = this.stateItem;
    this.#port.context.act({ kind: 'keep', item: this.stateItem });
  }

  #boundary(): Boundary {
    return new Boundary(
      this.#port.context,
      (item) => this.#kept === item,
      () => this.#port.holders().length > 0,
    );
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
    // A round that advanced by itself is past its own item.
    if (spec.kind !== 'evaluate') this.stateItem = Math.max(this.stateItem, spec.item);
    if (this.#port.context.options.placement === 'coordinator') this.#kept = this.stateItem;
    this.#port.finished(spec.item);
  }

  #startRound({ spec, upcoming, boundary, round: begun }: Asked): void {
    const { context } = this.#port;
    const { placement, minWorkers } = context.options;
    const needed = this.#started ? 1 : minWorkers;
    const state = placement === 'workers' ? boundary.settle(needed) : this.#enough(needed);
    if (state === 'lost') this.#rewind(spec);
    else if (state === 'waiting') this.#wait(spec, needed);
    else {
      const round = begun ?? roundFor(spec, context);
      if (upcoming) round.upcoming = upcoming;
      this.#enter(round);
      if (!begun) round.start();
    }
  }

  #enough(needed: number): 'ready' | 'waiting' {
    return this.#port.context.takers().length < needed ? 'waiting' : 'ready';
  }

  #enter(round: Round): void {
    this.#started = true;
    this.#waiting = false;
    this.#asked = undefined;
    this.#port.entered();
    this.#round = round;
    round.joined();
  }

  #wait({ item, step }: ItemSpec, needed: number): void {
    const { context } = this.#port;
    const workers = context.able().length;
    if (workers >= needed) return;
    if (this.#stopping) {
      this.#asked = undefined;
      context.act({ kind: 'withdrawn', item });
      return;
    }
    if (this.#waiting) return;
    this.#waiting = true;
    this.#port.waits(step + 1, workers, needed);
  }

  #rewind({ step }: ItemSpec): void {
    const reason = `All workers that held the state before step ${step + 1} are gone.`;
    this.#port.stop({ kind: 'rewind', reason });
  }
}
