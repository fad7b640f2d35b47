import type { Member } from '../membership/member.ts';
import type { RoundContext } from './round.ts';

/**
 * Between two items, with workers as owners: whoever was there when the item was asked for and does not hold the state takes it from
 * somebody who does; the others wait. Who comes later waits for the next boundary, unless too few are here to begin.
 */
export class Boundary {
  readonly #context: RoundContext;
  /** Whether the coordinator itself can give the state after this item. */
  readonly #kept: (item: number) => boolean;
  /** Whether it will soon be: a copy is taken from somebody who leaves. */
  readonly #keeping: () => boolean;
  /** Who is taking the state from whom; undefined: from the coordinator. */
  readonly #adoptions = new Map<Member, Member | undefined>();
  #closed = false;

  constructor(context: RoundContext, kept: (item: number) => boolean, keeping: () => boolean) {
    this.#context = context;
    this.#kept = kept;
    this.#keeping = keeping;
  }

  /**
   * `ready`: everybody has what it needs; `waiting`: somebody is taking the state, or too few are here; `lost`: nobody has it.
   *
   * @param needed how many must hold the state
   */
  settle(needed: number): 'ready' | 'waiting' | 'lost' {
    const item = this.#context.stateItem();
    const able = this.#context.able();
    const holders = able.filter(({ holds }) => holds === item);
    if (holders.length === 0 && !this.#kept(item)) return this.#keeping() ? 'waiting' : 'lost';
    for (const [member, source] of this.#adoptions) {
      if (!able.includes(member) || member.holds === item) this.#adoptions.delete(member);
      // It may have got all of it before: then it says so, and the second request finds it done.
      else if (source && !holders.includes(source)) this.#adopt(member, item, holders, 0);
    }
    if (!this.#closed || holders.length < needed) {
      const empty = able.filter((member) => member.holds !== item && !this.#adoptions.has(member));
      for (const [i, member] of empty.entries()) this.#adopt(member, item, holders, i);
    }
    this.#closed ||= holders.length >= needed;
    return this.#adoptions.size > 0 || holders.length < needed ? 'waiting' : 'ready';
  }

  #adopt(member: Member, item: number, holders: readonly Member[], i: number): void {
    const source = holders[i % holders.length];
    this.#adoptions.set(member, source);
    const address = source?.address ?? '';
    this.#context.say(member, { case: 'adopt', value: { item, address, reducedOnly: false } });
  }
}
