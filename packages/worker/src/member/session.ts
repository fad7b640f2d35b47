import type { Adopt, FromCoordinator, Welcome, Work } from '../gen/lockstep/v1/training_pb.ts';
import type { FromWorkerMessage, WorkerAnswer, WorkerEffect } from './effects.ts';
import { type Desk, ItemWork } from './item-work.ts';
import type { Jobs } from './jobs.ts';

export interface SessionOptions {
  readonly welcome: Welcome;
  readonly jobs: Jobs;
  readonly reachable: boolean;
  term(): number;
  say(message: FromWorkerMessage): void;
  act(effect: WorkerEffect): void;
}

interface Adoption {
  readonly item: number;
  readonly term: number;
  /** Where it was to be taken from: another one, where whoever had it is gone. */
  readonly addresses: ReadonlySet<string>;
  readonly cancel: () => void;
}

/** What a member does between `Ready` and the end of its stream: items, one after the other, and states taken from others. */
export class Session {
  readonly #options: SessionOptions;
  readonly #desk: Desk;
  #item: ItemWork | undefined;
  /** The state that was asked for last. */
  #adoption: Adoption | undefined;
  #regroupedTerm = 0;

  constructor(options: SessionOptions) {
    this.#options = options;
    const { welcome, jobs, reachable, term, say } = options;
    this.#desk = {
      jobs,
      member: welcome.member,
      reachable,
      patienceMs: welcome.leaseMs,
      term,
      holds: undefined,
      say: (message) => {
        if (!this.#closed) say(message);
      },
    };
    this.#desk.say({ case: 'ready', value: {} });
  }

  #closed = false;

  received({ term, message }: FromCoordinator): void {
    if (message.case === 'work') this.#work(message.value);
    else if (message.case === 'regroup') this.#regroup(term);
    else if (message.case === 'adopt') this.#adopt(message.value, term);
  }

  /** Without a stream nobody counts on us: what was under way is given up, and nothing of it is said any more. */
  close(): void {
    this.#closed = true;
    this.#giveUp();
  }

  #work(work: Work): void {
    const current = this.#item?.item ?? 0;
    if (work.item < current) this.#refuse(`work of item ${work.item}, which is over`);
    else if (work.item > current) this.#begin(work);
    else if (!this.#item?.more(work)) this.#refuse(`work of item ${work.item} that was given before`);
  }

  #begin(work: Work): void {
    const { holds } = this.#desk;
    if (work.owners.length > 0 && holds !== work.parametersItem) {
      this.#cannot(work.item, `it holds the state after item ${holds}, not ${work.parametersItem}`);
      return;
    }
    this.#item?.end();
    this.#options.act({ kind: 'drop', before: work.item });
    if (work.upcoming) this.#options.act({ kind: 'prefetch', upcoming: work.upcoming });
    this.#item = new ItemWork(work, this.#desk);
  }

  #regroup(term: number): void {
    if (term <= this.#regroupedTerm) {
      this.#refuse(`Regroup of term ${term}, said before`);
      return;
    }
    this.#regroupedTerm = term;
    if (this.#item) this.#item.regroup();
    else this.#desk.say({ case: 'regrouped', value: { updatedItem: this.#desk.holds ?? 0, item: 0, ranges: [] } });
  }

  #adopt({ item, address, reducedOnly }: Adopt, term: number): void {
    if (reducedOnly) {
      if (this.#item?.item !== item || !this.#item.adopt(address)) this.#refuse(`sums of item ${item}, not needed`);
      return;
    }
    const before = this.#adoption;
    const asked = before?.item === item && before.term === term ? before.addresses : new Set<string>();
    // The coordinator may ask for it elsewhere before it has heard that it is here, and begin an item with it meanwhile.
    if (asked.has(address) || this.#desk.holds === item) {
      this.#refuse(`the state after item ${item}, asked for before`);
      return;
    }
    this.#giveUp();
    const desk = this.#desk;
    desk.holds = undefined;
    const done = ({ digest = '' }: WorkerAnswer) => {
      desk.holds = item;
      desk.say({ case: 'adopted', value: { item, digest } });
    };
    const job = { kind: 'loadState', term, item, address } as const;
    const cancel = desk.jobs.persist(job, desk.patienceMs, done, ({ message }) => this.#cannot(item, message));
    this.#adoption = { item, term, addresses: new Set([...asked, address]), cancel };
  }

  #giveUp(): void {
    this.#adoption?.cancel();
    this.#item?.end();
    this.#item = undefined;
  }

  #cannot(item: number, message: string): void {
    this.#desk.say({ case: 'failed', value: { item, message, jobAtFault: false, unreachableMember: 0 } });
  }

  #refuse(what: string): void {
    this.#options.act({ kind: 'refused', what });
  }
}
