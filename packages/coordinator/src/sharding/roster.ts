import type { Farewell, Hello } from '@lockstep/worker';
import { Member } from '../membership/member.ts';
import { objection, unreachable, welcome } from './admission.ts';
import type { ClusterEffect, ClusterOptions, FromCoordinatorMessage } from './effects.ts';
import { incarnationOf } from './terms.ts';

/** What the list of members may use of its cluster. */
export interface RosterPort {
  readonly options: ClusterOptions;
  now(): number;
  term(): number;
  act(effect: ClusterEffect): void;
  refuse(what: string): void;
  /** The member can be given work from now on. */
  joined(member: Member): void;
  /** The member, which could, is gone. */
  lost(member: Member, reason: string): void;
}

/** Who is in the run: workers come, are looked at, dialled, heard of, and go. */
export class Roster {
  readonly #port: RosterPort;
  readonly #members = new Map<number, Member>();
  #count = 0;

  constructor(port: RosterPort) {
    this.#port = port;
  }

  get members(): Member[] {
    return [...this.#members.values()];
  }

  /** Who may be part of an item. */
  get able(): Member[] {
    return this.members.filter(({ able }) => able);
  }

  at(session: number): Member | undefined {
    return this.#members.get(session);
  }

  find(id: number): Member | undefined {
    return this.members.find((member) => member.id === id);
  }

  hello(session: number, hello: Hello): void {
    const { options, refuse, now, term, act } = this.#port;
    if (this.#members.has(session)) {
      refuse('a second Hello');
      return;
    }
    const seen = incarnationOf(hello.highestTerm);
    if (hello.run === options.run && seen > incarnationOf(term())) {
      // A worker's word ends no run: whether another one drives it is written in the run's folder.
      act({ kind: 'checkFence' });
      const reason = `Worker ${hello.name} has seen coordinator ${seen} of this run, and this is ${options.incarnation}: it belongs to the later one.`;
      act({ kind: 'close', session, reason, farewell: 'later' });
      return;
    }
    const reason = objection(options, hello);
    if (reason !== undefined) {
      act({ kind: 'close', session, reason, farewell: 'never' });
      return;
    }
    for (const other of this.members) {
      if (other.instance === hello.instance) this.lose(other, 'it came again over a new connection');
    }
    const reached = hello.address === '';
    const member = new Member(++this.#count, session, hello, reached, options.leaseMs, now());
    this.#members.set(session, member);
    this.say(member, welcome(options, member));
    if (!reached) act({ kind: 'reach', member: member.id, address: member.address });
  }

  ready(member: Member): void {
    if (member.stage === 'ready') this.#port.refuse('a second Ready');
    else {
      member.stage = 'ready';
      if (member.able) this.#port.joined(member);
    }
  }

  reached(id: number, reason: string | undefined): void {
    const member = this.find(id);
    if (!member || member.reached) return;
    if (reason !== undefined) {
      // It may have been the network for a moment.
      this.turnAway(member, unreachable(this.#port.options, member, reason), 'later');
      return;
    }
    member.reached = true;
    if (member.able) this.#port.joined(member);
  }

  /** @param reason one sentence */
  turnAway({ session }: Member, reason: string, farewell: Farewell): void {
    this.#members.delete(session);
    this.#port.act({ kind: 'close', session, reason, farewell });
  }

  /** Ends its stream, where it has not ended by itself. */
  lose(member: Member, reason: string, close = true): void {
    const { session } = member;
    if (!this.#members.delete(session)) return;
    if (close) this.#port.act({ kind: 'close', session, reason, farewell: 'lost' });
    if (member.stage === 'ready') this.#port.lost(member, reason);
  }

  disconnected(session: number, reason: string): void {
    const member = this.#members.get(session);
    if (member) this.lose(member, member.leaving ? 'it left' : reason, false);
  }

  /** The time in which this process stood still counts as nobody's silence. */
  excuse(stalledMs: number): void {
    for (const { lease } of this.#members.values()) lease.excuse(stalledMs);
  }

  tick(): void {
    const nowMs = this.#port.now();
    for (const member of this.members) {
      if (member.lease.expired(nowMs)) {
        const seconds = (member.lease.silentMs(nowMs) / 1000).toFixed(1);
        this.lose(member, `silent for ${seconds} s`);
      } else if (nowMs - member.saidMs >= this.#port.options.heartbeatMs) {
        this.say(member, { case: 'alive', value: {} });
      }
    }
  }

  say(member: Member, message: FromCoordinatorMessage): void {
    const { now, act, term } = this.#port;
    member.saidMs = now();
    act({ kind: 'send', session: member.session, message: { term: term(), message } });
  }
}
