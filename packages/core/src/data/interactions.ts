import { UsageError } from '../errors.ts';
import { exp, log } from '../math/index.ts';
import { type Generator, generator } from '../random/generator.ts';
import { arrays } from './arrays.ts';
import type { DataSource } from './source.ts';

export interface InteractionsOptions {
  /** Default 200. */
  readonly users?: number;
  /** Default 150. */
  readonly items?: number;
  /** Items that each user took, one of them held out for the test; default 12. */
  readonly perUser?: number;
  /** Tastes that users and items have; default 6. */
  readonly factors?: number;
  /** How much better liked some items are by everybody: standard deviation; default 0.7. */
  readonly popularity?: number;
  readonly seed?: number;
}

/** `user` and `item` i32 `[]`, `seen` u8 `[items]`: 1 for what the user took in training. */
export type Interaction = Readonly<Record<'user' | 'item', Int32Array> & { seen: Uint8Array }>;

export interface Interactions {
  /** One sample for each interaction but the held-out ones. */
  readonly train: DataSource<Interaction>;
  /** One held-out interaction of each user. */
  readonly test: DataSource<Interaction>;
  /** `[user, item]` of the training interactions. */
  readonly pairs: readonly (readonly [number, number])[];
  readonly users: number;
  readonly items: number;
}

/**
 * Who took what, from hidden tastes: users and items are points of `factors` normal numbers; a user takes items without return, the next with a
 * probability in proportion to e^(2 taste . item / sqrt(factors) + popularity of the item).
 *
 * @throws UsageError if an option is out of range
 */
export function interactions(options: InteractionsOptions = {}): Interactions {
  const { users = 200, items = 150, perUser = 12, factors = 6, popularity = 0.7, seed = 0 } = options;
  for (const [name, value] of Object.entries({ users, items, perUser, factors })) {
    if (!Number.isSafeInteger(value) || value < 1)
      throw new UsageError(`data.interactions: ${name} must be a whole number of at least 1, not ${value}.`);
  }
  if (perUser < 2 || perUser > items)
    throw new UsageError(`data.interactions: perUser must be from 2 to the ${items} items, not ${perUser}.`);
  const random = generator(seed);
  const normals = (count: number) => Array.from({ length: count }, () => random.normal());
  const tastes = Array.from({ length: users }, () => normals(factors));
  const qualities = Array.from({ length: items }, () => normals(factors));
  const liked = normals(items).map((value) => value * popularity);

  const taken = tastes.map((taste) => {
    const scores = qualities.map((quality, i) => {
      const match = taste.reduce((s, t, f) => s + t * (quality[f] as number), 0);
      return exp((2 * match) / Math.sqrt(factors) + (liked[i] as number));
    });
    return drawn(scores, perUser, random);
  });
  const pairs = taken.flatMap((list, user) => list.slice(1).map((item) => [user, item] as const));
  const heldOut = taken.map((list, user) => [user, list[0] as number] as const);
  const seen = taken.map((list) => {
    const row = new Uint8Array(items);
    for (const item of list.slice(1)) row[item] = 1;
    return row;
  });
  return { train: sourceOf(pairs, seen), test: sourceOf(heldOut, seen), pairs, users, items };
}

/** `count` different places in order of an exponential race: the place with the least -log(u) / weight comes first. */
function drawn(weights: readonly number[], count: number, random: Generator): number[] {
  const times = weights.map((weight, i) => ({ i, time: -log(1 - random.uniform()) / weight }));
  const winners = times.sort((a, b) => a.time - b.time || a.i - b.i).slice(0, count);
  // Which one is held out must not depend on how much it is liked.
  const first = random.int(count);
  return [winners[first], ...winners.slice(0, first), ...winners.slice(first + 1)].map((winner) => winner?.i as number);
}

function sourceOf(pairs: readonly (readonly [number, number])[], seen: readonly Uint8Array[]): DataSource<Interaction> {
  const items = seen[0]?.length as number;
  const rows = new Uint8Array(pairs.length * items);
  pairs.forEach(([user], i) => {
    rows.set(seen[user] as Uint8Array, i * items);
  });
  return arrays({
    user: Int32Array.from(pairs, ([user]) => user),
    item: Int32Array.from(pairs, ([, item]) => item),
    seen: { data: rows, shape: [pairs.length, items] },
  }) as unknown as DataSource<Interaction>;
}
