import { create } from '@bufbuild/protobuf';
import { type FromWorkerMessage, FromWorkerSchema } from '@lockstep/worker';
import { expect, test } from 'vitest';
import { ClusterCore } from './cluster-core.ts';
import type { ClusterEffect, ClusterInput, ClusterOptions, FromCoordinatorMessage, ItemSpec } from './effects.ts';

const term = 65_536;
const spec = (item: number, kind: ItemSpec['kind'] = 'train'): ItemSpec => ({
  item,
  kind,
  step: item - 1,
  phase: 0,
  samples: 16,
  firstSample: 0,
  learningRates: [0.1],
  scalars: [],
  localSteps: 0,
  resultLength: 10_000,
  indices: Array.from({ length: 16 }, (_, i) => 100 + i),
});

type Said = { session: number; term: number } & FromCoordinatorMessage;

/** A coordinator whose workers and driver are the test. */
class Bench {
  readonly core: ClusterCore;
  nowMs = 0;
  effects: ClusterEffect[] = [];

  constructor(placement: ClusterOptions['placement'], options: Partial<ClusterOptions> = {}) {
    this.core = new ClusterCore({
      run: 'run',
      incarnation: 1,
      jobDigest: 'job',
      placement,
      mode: 'sync',
      reduce: 'f32',
      shards: 8,
      leaseMs: 10_000,
      heartbeatMs: 1000,
      minWorkers: 1,
      staleness: Number.POSITIVE_INFINITY,
      compression: '',
      admit: () => undefined,
      ...options,
    });
  }

  give(input: ClusterInput): ClusterEffect[] {
    this.effects = this.core.handle(this.nowMs, input);
    return this.effects;
  }

  hear(session: number, message: FromWorkerMessage, at = this.core.term): ClusterEffect[] {
    return this.give({ kind: 'received', session, message: create(FromWorkerSchema, { term: at, message }) });
  }

  hello(session: number, more: object = {}): ClusterEffect[] {
    const value = { name: `w${session}`, threads: 1, address: `w${session}:1`, instance: `i${session}`, ...more };
    return this.hear(session, { case: 'hello', value }, 0);
  }

  /** Members have the numbers of their sessions. */
  join(...sessions: number[]): void {
    for (const session of sessions) {
      this.hello(session);
      this.give({ kind: 'reached', member: session });
      this.hear(session, { case: 'ready', value: {} });
    }
  }

  adopted(item: number, ...sessions: number[]): ClusterEffect[] {
    return sessions.flatMap((session) => this.hear(session, { case: 'adopted', value: { item, digest: 'd' } }));
  }

  computed(session: number, item: number, nodes: { lo: number; hi: number }[], computeMs = 10): ClusterEffect[] {
    const value = { item, nodes: nodes.map((range) => ({ range })), computeMs };
    return this.hear(session, { case: 'computed', value });
  }

  arrived(member: number, item: number, node: { lo: number; hi: number }): ClusterEffect[] {
    return this.give({ kind: 'arrived', member, item, node });
  }

  updated(session: number, item: number, digest = 'd'): ClusterEffect[] {
    return this.hear(session, { case: 'updated', value: { item, digest } });
  }

  regrouped(session: number, updatedItem: number, ranges: { lo: number; hi: number }[]): ClusterEffect[] {
    return this.hear(session, { case: 'regrouped', value: { updatedItem, item: 1, ranges } });
  }

  lose(session: number): ClusterEffect[] {
    return this.give({ kind: 'disconnected', session, reason: 'connection reset' });
  }

  /** Ticks, with a sign of life of these. */
  wait(ms: number, ...alive: number[]): ClusterEffect[] {
    const all: ClusterEffect[] = [];
    for (const endMs = this.nowMs + ms; this.nowMs < endMs; ) {
      this.nowMs += 50;
      for (const session of alive) all.push(...this.hear(session, { case: 'alive', value: {} }));
      all.push(...this.give({ kind: 'tick' }));
    }
    return all;
  }
}

const messages = (effects: readonly ClusterEffect[]): Said[] =>
  effects.flatMap((effect) =>
    effect.kind === 'send'
      ? [{ session: effect.session, term: effect.message.term, ...effect.message.message } as Said]
      : [],
  );
const work = (effects: readonly ClusterEffect[]) =>
  messages(effects).flatMap(({ session, ...said }) =>
    said.case === 'work' ? [[session, (said.value as { ranges: unknown[] }).ranges]] : [],
  );
const events = (effects: readonly ClusterEffect[]) =>
  effects.flatMap((effect) => (effect.kind === 'event' ? [effect.event] : []));
const kinds = (effects: readonly ClusterEffect[]) => effects.map(({ kind }) => kind);
const [first, second] = [
  { lo: 0, hi: 4 },
  { lo: 4, hi: 8 },
];

/** Two workers in the middle of item 1. */
function halves(placement: ClusterOptions['placement']): Bench {
  const bench = new Bench(placement, { minWorkers: 2 });
  bench.join(1, 2);
  bench.give({ kind: 'begin', item: spec(1) });
  if (placement === 'workers') bench.adopted(0, 1, 2);
  return bench;
}

test.each(['coordinator', 'workers'] as const)(
  'placement %s: with its shards each worker hears of those that it will probably have next, so that batches travel ahead',
  (placement) => {
    const bench = new Bench(placement, { minWorkers: 2 });
    bench.join(1, 2);
    bench.give({ kind: 'begin', item: spec(1), upcoming: spec(2) });
    const said = placement === 'workers' ? bench.adopted(0, 1, 2) : bench.effects;
    const orders = messages(said).filter((message) => message.case === 'work');
    expect(orders.map(({ session, value }) => [session, value])).toEqual([
      [
        1,
        expect.objectContaining({
          item: 1,
          ranges: [first],
          upcoming: expect.objectContaining({ item: 2, ranges: [first] }),
        }),
      ],
      [
        2,
        expect.objectContaining({
          item: 1,
          ranges: [second],
          upcoming: expect.objectContaining({ item: 2, ranges: [second] }),
        }),
      ],
    ]);
    // What the samples are: those who can read the data need no more.
    const upcoming = orders.map(({ value }) => (value as { upcoming: { indices: number[] } }).upcoming.indices);
    expect(upcoming.flat()).toEqual(spec(2).indices);
  },
);

test('an item where the coordinator adds up', () => {
  const bench = halves('coordinator');
  expect(work(bench.effects)).toEqual([
    [1, [first]],
    [2, [second]],
  ]);
  expect(messages(bench.effects)[1]).toMatchObject({
    value: { item: 1, parametersItem: 0, samples: 16, indices: [108, 109, 110, 111, 112, 113, 114, 115] },
  });
  expect(bench.computed(1, 1, [first])).toMatchObject([{ kind: 'collect', member: 1, address: 'w1:1', node: first }]);
  bench.computed(2, 1, [second]);
  expect(bench.arrived(1, 1, first)).toEqual([]);
  expect(bench.arrived(2, 1, second)).toEqual([{ kind: 'reduced', item: 1 }]);
  expect(bench.give({ kind: 'updated', item: 1 })).toEqual([{ kind: 'done', item: 1 }]);
  expect(messages(bench.give({ kind: 'begin', item: spec(2) }))[0]).toMatchObject({ value: { parametersItem: 1 } });
});

test('workers that share a name are named by their numbers', () => {
  const bench = new Bench('coordinator');
  bench.join(1);
  const join = (session: number, name: string) => {
    bench.hello(session, { name });
    const ready = events(bench.hear(session, { case: 'ready', value: {} }));
    return [...ready, ...events(bench.give({ kind: 'reached', member: session }))];
  };
  const message = 'Workers 1 and 2 are both called w1: give each its own --name, or its own certificate.';
  expect(join(2, 'w1')).toMatchObject([
    { type: 'worker-joined', worker: 2, name: 'w1' },
    { type: 'warning', step: 1, message },
  ]);
  expect(join(3, 'w3')).toMatchObject([{ type: 'worker-joined', worker: 3 }]);
});

test('a lost worker costs the shards that no sum covers, and the event says so once they are there', () => {
  const bench = halves('coordinator');
  bench.computed(1, 1, [first]);
  bench.arrived(1, 1, first);
  bench.nowMs = 1000;
  expect(work(bench.lose(2))).toEqual([[1, [second]]]);
  expect(events(bench.effects)).toEqual([]);
  bench.nowMs = 1200;
  bench.computed(1, 1, [second]);
  const effects = bench.arrived(1, 1, second);
  expect(events(effects)).toEqual([
    {
      type: 'worker-lost',
      worker: 2,
      name: 'w2',
      reason: 'connection reset',
      shards: [4, 5, 6, 7],
      step: 1,
      recoveredMs: 200,
      workers: 1,
    },
  ]);
});

test('a sum that is on its way from a lost worker still counts', () => {
  const bench = halves('coordinator');
  bench.computed(1, 1, [first]);
  bench.computed(2, 1, [second]);
  bench.lose(1);
  expect(kinds(bench.lose(2))).toContain('event');
  bench.arrived(1, 1, first);
  expect(bench.arrived(2, 1, second)).toMatchObject([{ kind: 'reduced' }, { kind: 'event' }, { kind: 'event' }]);
});

test('all workers gone: it says that it waits, and goes on with who comes', () => {
  const bench = halves('coordinator');
  bench.computed(1, 1, [first]);
  bench.arrived(1, 1, first);
  bench.lose(1);
  expect(events(bench.lose(2))).toContainEqual({
    type: 'waiting',
    step: 1,
    workers: 0,
    needed: 1,
    lost: ['worker 2 (w2): connection reset'],
  });
  bench.join(3);
  expect(work(bench.effects)).toEqual([[3, [second]]]);
});

test.each(['coordinator', 'workers'] as const)(
  'placement %s: an item that waits for workers is given up when the run is told to stop',
  (placement) => {
    const bench = new Bench(placement);
    bench.give({ kind: 'begin', item: spec(1) });
    expect(bench.give({ kind: 'stop' })).toEqual([{ kind: 'withdrawn', item: 1 }]);
    expect(bench.give({ kind: 'tick' })).toEqual([]);
    // One that workers are at is not; a later one that would have to wait is.
    bench.join(1);
    bench.give({ kind: 'begin', item: spec(2) });
    bench.adopted(0, 1);
    expect(bench.give({ kind: 'tick' })).toEqual([]);
    expect(kinds(bench.lose(1))).toContain('withdrawn');
  },
);

test('a late worker: others get a copy of its shards, the first sum wins, and it is named with its compute time', () => {
  const bench = halves('coordinator');
  bench.computed(1, 1, [first], 20);
  bench.arrived(1, 1, first);
  expect(work(bench.wait(100, 1, 2))).toEqual([]);
  expect(work(bench.wait(100, 1, 2))).toEqual([[1, [second]]]);
  expect(work(bench.wait(500, 1, 2))).toEqual([]);
  bench.computed(1, 1, [second], 20);
  bench.computed(2, 1, [second], 650);
  expect(events(bench.effects)).toMatchObject([
    { type: 'straggler', worker: 2, name: 'w2', step: 1, computeMs: 650, expectedMs: 20 },
  ]);
  expect(bench.arrived(1, 1, second)).toEqual([{ kind: 'reduced', item: 1 }]);
});

test('a late worker that says nothing before the item is over is named as well, and gets less next time', () => {
  const bench = halves('coordinator');
  bench.computed(1, 1, [first], 20);
  bench.arrived(1, 1, first);
  bench.wait(200, 1, 2);
  bench.computed(1, 1, [second], 20);
  expect(events(bench.arrived(1, 1, second))).toMatchObject([
    { type: 'straggler', worker: 2, name: 'w2', step: 1, computeMs: 200, expectedMs: 20 },
  ]);
  expect(events(bench.computed(2, 1, [second], 250))).toEqual([]);
  bench.give({ kind: 'updated', item: 1 });
  const next = work(bench.give({ kind: 'begin', item: spec(2) }));
  expect(next.map(([, ranges]) => ranges)).not.toEqual([[first], [second]]);
});

test('next time who is slow gets less', () => {
  const bench = halves('coordinator');
  bench.computed(1, 1, [first], 10);
  bench.computed(2, 1, [second], 70);
  bench.arrived(1, 1, first);
  bench.arrived(2, 1, second);
  bench.give({ kind: 'updated', item: 1 });
  expect(work(bench.give({ kind: 'begin', item: spec(2) }))).toEqual([
    [1, [{ lo: 0, hi: 7 }]],
    [2, [{ lo: 7, hi: 8 }]],
  ]);
});

test('who had one hiccup and is given nothing has its turn again', () => {
  const bench = halves('coordinator');
  bench.computed(1, 1, [first], 10);
  bench.computed(2, 1, [second], 400);
  bench.arrived(1, 1, first);
  bench.arrived(2, 1, second);
  const all = { lo: 0, hi: 8 };
  let item = 1;
  let given: ReturnType<typeof work> = [];
  do {
    bench.give({ kind: 'updated', item });
    item++;
    given = work(bench.give({ kind: 'begin', item: spec(item) }));
    if (item === 2) expect(given).toEqual([[1, [all]]]);
    bench.computed(1, item, [all], 20);
    bench.arrived(1, item, all);
  } while (given.length === 1 && item < 200);
  expect(given.map(([worker]) => worker)).toEqual([1, 2]);
  expect(item).toBeGreaterThan(20);
});

test('an item where the workers exchange: shares, one commit, the next when all are done', () => {
  const bench = halves('workers');
  const [one] = messages(bench.effects).filter((said) => said.case === 'work');
  expect(one?.value).toMatchObject({
    shares: [
      { member: 1, address: 'w1:1', ranges: [first] },
      { member: 2, address: 'w2:1', ranges: [second] },
    ],
  });
  expect(kinds(bench.updated(2, 1))).toEqual(['committed']);
  expect(kinds(bench.updated(2, 1))).toEqual(['refused']);
  expect(bench.updated(1, 1)).toEqual([{ kind: 'done', item: 1 }]);
  expect(bench.core.holders.map(({ id }) => id)).toEqual([1, 2]);
});

/** Who adds up what, in the order in which they are told. */
const owners = (effects: ClusterEffect[]) =>
  messages(effects).flatMap(({ case: what, value }) =>
    what === 'work' ? [(value as { owners: unknown[] }).owners] : [],
  );

test('two with a node each add up everything; more of them, or more nodes, have owners of slices', () => {
  const everything = { from: 0, to: 10_000 };
  expect(owners(halves('workers').effects)).toMatchObject([
    [{ member: 1, slice: everything }],
    [{ member: 2, slice: everything }],
  ]);
  const three = [
    { member: 1, slice: { from: 0, to: 4096 } },
    { member: 2, slice: { from: 4096, to: 8192 } },
    { member: 3, slice: { from: 8192, to: 10_000 } },
  ];
  const trio = new Bench('workers', { minWorkers: 3 });
  trio.join(1, 2, 3);
  trio.give({ kind: 'begin', item: spec(1) });
  trio.adopted(0, 1, 2, 3);
  expect(owners(trio.effects)).toMatchObject([three, three, three]);
  const halved = [
    { member: 1, slice: { from: 0, to: 4096 } },
    { member: 2, slice: { from: 4096, to: 10_000 } },
  ];
  const odd = new Bench('workers', { minWorkers: 2, shards: 6 });
  odd.join(1, 2);
  odd.give({ kind: 'begin', item: spec(1) });
  odd.adopted(0, 1, 2);
  expect(owners(odd.effects)).toMatchObject([halved, halved]);
});

test('lost before anybody has updated: all stop, and begin again with the sums they have', () => {
  const bench = new Bench('workers', { minWorkers: 3, shards: 6 });
  bench.join(1, 2, 3);
  bench.give({ kind: 'begin', item: spec(1) });
  bench.adopted(0, 1, 2, 3);
  expect(messages(bench.lose(3)).map(({ session, case: what, term: at }) => [session, what, at])).toEqual([
    [1, 'regroup', bench.core.term],
    [2, 'regroup', bench.core.term],
  ]);
  bench.regrouped(1, 0, [{ lo: 0, hi: 2 }]);
  expect(work(bench.regrouped(2, 0, [{ lo: 2, hi: 4 }]))).toEqual([
    [1, [{ lo: 4, hi: 5 }]],
    [2, [{ lo: 5, hi: 6 }]],
  ]);
  expect(messages(bench.effects)[0]).toMatchObject({
    value: {
      shares: [
        {
          ranges: [
            { lo: 0, hi: 2 },
            { lo: 4, hi: 5 },
          ],
        },
        {
          ranges: [
            { lo: 2, hi: 4 },
            { lo: 5, hi: 6 },
          ],
        },
      ],
    },
  });
  expect(events(bench.updated(1, 1))).toMatchObject([{ type: 'worker-lost', worker: 3, shards: [4, 5] }]);
  expect(kinds(bench.updated(2, 1))).toEqual(['done']);
});

test('lost after somebody has updated: the others take the sums from it, nothing is computed again', () => {
  const bench = new Bench('workers', { minWorkers: 3 });
  bench.join(1, 2, 3);
  bench.give({ kind: 'begin', item: spec(1) });
  bench.adopted(0, 1, 2, 3);
  bench.updated(2, 1);
  bench.lose(3);
  bench.regrouped(2, 1, []);
  const effects = bench.regrouped(1, 0, [first]);
  expect(work(effects)).toEqual([]);
  expect(messages(effects)).toMatchObject([
    { session: 1, case: 'adopt', value: { item: 1, address: 'w2:1', reducedOnly: true } },
  ]);
  expect(kinds(bench.updated(1, 1))).toContain('done');
});

test('a Regrouped of an earlier term does not count', () => {
  const bench = new Bench('workers', { minWorkers: 3 });
  bench.join(1, 2, 3);
  bench.give({ kind: 'begin', item: spec(1) });
  bench.adopted(0, 1, 2, 3);
  bench.lose(3);
  const early = bench.core.term;
  bench.lose(2);
  const value = { updatedItem: 0, item: 1, ranges: [first] };
  expect(kinds(bench.hear(1, { case: 'regrouped', value }, early))).toEqual(['refused']);
  expect(kinds(bench.regrouped(1, 0, [first]))).toEqual(['send']);
});

test('whoever comes in the middle of an item changes nothing in it, nor does it by going', () => {
  const bench = halves('workers');
  const before = bench.core.term;
  bench.join(3);
  expect(bench.core.term).toBe(before);
  expect(messages(bench.lose(3))).toEqual([]);
  expect(bench.core.term).toBe(before);
  bench.join(4);
  bench.updated(1, 1);
  bench.updated(2, 1);
  expect(messages(bench.give({ kind: 'begin', item: spec(2) }))).toMatchObject([
    { session: 4, case: 'adopt', value: { item: 1, address: 'w1:1', reducedOnly: false } },
  ]);
  // Its source is lost: another one.
  expect(messages(bench.lose(1))).toMatchObject([{ session: 4, case: 'adopt', value: { address: 'w2:1' } }]);
  bench.adopted(1, 4);
  expect(work(bench.effects).map(([session]) => session)).toEqual([2, 4]);
  expect(bench.core.term).toBeGreaterThan(before);
});

test('whoever has taken over other weights than those that were committed is left out before it computes', () => {
  const bench = halves('workers');
  bench.updated(1, 1);
  bench.updated(2, 1);
  bench.join(3);
  bench.give({ kind: 'begin', item: spec(2) });
  const said = bench.hear(3, { case: 'adopted', value: { item: 1, digest: 'e' } });
  expect(events(said)).toMatchObject([
    { type: 'warning', message: expect.stringMatching(/w3 has taken over .* as e, and they are d/) },
    { type: 'worker-lost', worker: 3, reason: 'its weights differ', shards: [] },
  ]);
  expect(work(said).map(([session]) => session)).toEqual([1, 2]);
});

test('the state is gone with the last one who held it, unless the coordinator has it', () => {
  const kept = halves('workers');
  kept.lose(1);
  kept.lose(2);
  kept.join(3);
  expect(messages(kept.effects)).toMatchObject([{ session: 3, case: 'adopt', value: { item: 0, address: '' } }]);
  const lost = halves('workers');
  lost.updated(1, 1);
  lost.updated(2, 1);
  lost.lose(2);
  lost.lose(1);
  expect(kinds(lost.give({ kind: 'begin', item: spec(2) }))).toContain('rewind');
});

test('weights that differ are said, and their worker goes', () => {
  const bench = halves('workers');
  bench.updated(1, 1, 'a');
  const effects = bench.updated(2, 1, 'b');
  expect(events(effects)[0]).toMatchObject({
    type: 'warning',
    message: expect.stringContaining('w2 (b) are not those of w1 (a)'),
  });
  expect(effects).toContainEqual({ kind: 'close', session: 2, reason: 'its weights differ', farewell: 'lost' });
  expect(effects).toContainEqual({ kind: 'done', item: 1 });
});

test('a member that another cannot reach goes; who complains again goes itself', () => {
  const bench = new Bench('workers', { minWorkers: 3 });
  bench.join(1, 2, 3);
  bench.give({ kind: 'begin', item: spec(1) });
  bench.adopted(0, 1, 2, 3);
  const complain = (unreachableMember: number) =>
    bench.hear(1, { case: 'failed', value: { item: 1, message: 'no answer', jobAtFault: false, unreachableMember } });
  expect(complain(2)).toContainEqual(expect.objectContaining({ kind: 'close', session: 2 }));
  bench.regrouped(1, 0, []);
  bench.regrouped(3, 0, []);
  expect(complain(3)).toContainEqual(expect.objectContaining({ kind: 'close', session: 1 }));
});

test('silence ends a lease; after an own stall nobody is evicted', () => {
  const bench = halves('coordinator');
  // The event loop was blocked for half a minute.
  bench.nowMs += 30_000;
  expect(kinds(bench.give({ kind: 'tick' }))).not.toContain('close');
  expect(kinds(bench.wait(5000, 1))).not.toContain('close');
  expect(bench.wait(6000, 1)).toContainEqual(expect.objectContaining({ kind: 'close', session: 2 }));
});

test('heartbeats go out where nothing else is said', () => {
  const bench = halves('coordinator');
  const beats = messages(bench.wait(3000, 1, 2)).filter((said) => said.case === 'alive' && said.session === 2);
  expect(beats).toHaveLength(3);
});

test('stale, foreign and repeated messages are refused, and change nothing', () => {
  const bench = halves('coordinator');
  expect(kinds(bench.hello(1))).toEqual(['refused']);
  expect(kinds(bench.hear(1, { case: 'ready', value: {} }))).toEqual(['refused']);
  expect(kinds(bench.computed(1, 7, [first]))).toEqual(['refused']);
  expect(kinds(bench.computed(1, 1, [{ lo: 4, hi: 99 }]))).toEqual(['refused']);
  expect(kinds(bench.updated(1, 1))).toEqual(['refused']);
  expect(kinds(bench.hear(9, { case: 'alive', value: {} }))).toEqual(['refused']);
  // Of an earlier coordinator, and of a term that was never said.
  expect(kinds(bench.hear(1, { case: 'alive', value: {} }, 5))).toEqual(['refused']);
  expect(kinds(bench.hear(1, { case: 'alive', value: {} }, term + 500))).toEqual(['refused']);
  expect(kinds(bench.arrived(1, 9, first))).toEqual(['refused']);
  expect(kinds(bench.give({ kind: 'begin', item: spec(1) }))).toEqual(['refused']);
});

test('who cannot take part is refused in a sentence', () => {
  const bench = new Bench('workers', {
    admit: ({ kernelsHash }) => (kernelsHash === 'x' ? 'other kernels' : undefined),
  });
  expect(bench.hello(1, { kernelsHash: 'x' })).toEqual([
    { kind: 'close', session: 1, reason: 'other kernels', farewell: 'never' },
  ]);
  expect(bench.hello(2, { address: '' })).toMatchObject([
    { kind: 'close', reason: expect.stringContaining('--listen') },
  ]);
  bench.hello(3);
  expect(bench.effects).toContainEqual({ kind: 'reach', member: 1, address: 'w3:1' });
  expect(bench.give({ kind: 'reached', member: 1, reason: 'timeout' })).toMatchObject([
    { kind: 'close', farewell: 'later', reason: expect.stringContaining('cannot be reached at w3:1 (timeout)') },
  ]);
});

test('one who comes again over a new connection is no second worker', () => {
  const bench = halves('coordinator');
  expect(bench.hello(3, { instance: 'i1' })).toContainEqual(expect.objectContaining({ kind: 'close', session: 1 }));
});

test('with the coordinator as owner as well nobody answers at an address for the moment: the worker comes again, and none is asked for without one', () => {
  const bench = new Bench('coordinator');
  expect(bench.hello(1)).toContainEqual({ kind: 'reach', member: 1, address: 'w1:1' });
  bench.hear(1, { case: 'ready', value: {} });
  expect(events(bench.effects)).toEqual([]);
  expect(bench.give({ kind: 'reached', member: 1, reason: 'timeout' })).toEqual([
    { kind: 'close', session: 1, farewell: 'later', reason: expect.stringContaining('--listen none') },
  ]);
  expect(kinds(bench.hello(2, { address: '' }))).toEqual(['send']);
  expect(events(bench.hear(2, { case: 'ready', value: {} }))).toMatchObject([{ type: 'worker-joined', name: 'w2' }]);
});

test('who fails before it is ready cannot run the job, whoever it blames, and need not come again', () => {
  const bench = new Bench('coordinator');
  for (const [session, jobAtFault] of [[1, false] as const, [2, true] as const]) {
    bench.hello(session);
    const value = { item: 0, message: 'it needs 9 MiB', jobAtFault, unreachableMember: 0 };
    expect(bench.hear(session, { case: 'failed', value })).toEqual([
      { kind: 'close', session, farewell: 'never', reason: `Worker w${session} cannot run this job: it needs 9 MiB` },
    ]);
  }
  expect(bench.core.members).toEqual([]);
});

test('a worker that says it has seen a later coordinator is not believed before the folder was looked at', () => {
  const bench = new Bench('coordinator');
  expect(bench.hello(1, { run: 'run', highestTerm: 2 * term })).toMatchObject([
    { kind: 'checkFence' },
    { kind: 'close', session: 1, farewell: 'later', reason: expect.stringContaining('has seen coordinator 2') },
  ]);
  expect(kinds(bench.hello(2))).toContain('send');
  const other = new Bench('coordinator');
  expect(kinds(other.hello(1, { run: 'another run', highestTerm: 9 * term }))).toEqual(['send', 'reach']);
});

test('one worker alone does not end the run by blaming the job, unless there is nobody else who could', () => {
  const blame = { item: 1, message: 'index 9 of 5', jobAtFault: true, unreachableMember: 0 };
  const bench = halves('coordinator');
  expect(work(bench.hear(1, { case: 'failed', value: blame }))).toEqual([[2, [first]]]);
  expect(bench.effects).toContainEqual(expect.objectContaining({ kind: 'close', session: 1, farewell: 'lost' }));
  // The same process says it again.
  bench.hello(3, { instance: 'i1' });
  bench.give({ kind: 'reached', member: 3 });
  bench.hear(3, { case: 'ready', value: {} });
  expect(kinds(bench.hear(3, { case: 'failed', value: blame }))).not.toContain('failed');
  expect(bench.hear(2, { case: 'failed', value: blame })).toContainEqual({ kind: 'failed', message: 'index 9 of 5' });
  const alone = new Bench('coordinator');
  alone.join(1);
  alone.give({ kind: 'begin', item: spec(1) });
  expect(kinds(alone.hear(1, { case: 'failed', value: blame }))).toContain('failed');
  // Workers go home: nobody will want them.
  expect(messages(alone.give({ kind: 'finish', reason: 'index 9 of 5', comeBack: false }))).toMatchObject([
    { session: 1, case: 'finish', value: { reason: 'index 9 of 5', comeBack: false } },
  ]);
});

test('who gives bytes that are no sum is lost at once, and its shards are computed anew', () => {
  const bench = halves('coordinator');
  bench.hello(3, { address: '' });
  const effects = bench.give({ kind: 'spoilt', member: 2, item: 1, node: second, reason: 'a short message' });
  const reason = 'its sums of shards 4 to 7 cannot be read (a short message)';
  expect(effects).toContainEqual({ kind: 'close', session: 2, reason, farewell: 'lost' });
  expect(work(effects)).toEqual([[1, [second]]]);
  expect(kinds(bench.give({ kind: 'spoilt', member: 2, item: 1, node: second, reason }))).toEqual(['refused']);
});

test('whose shards take others a while is named before they are there', () => {
  const bench = halves('coordinator');
  bench.lose(2);
  expect(events(bench.wait(900, 1))).toEqual([]);
  expect(events(bench.wait(1000, 1))).toEqual([
    {
      type: 'warning',
      step: 1,
      message: 'Lost worker 2 (w2): connection reset. 4 of its shards are being computed again.',
    },
  ]);
});

test('who was lost is said before the run goes back', () => {
  const bench = halves('workers');
  bench.updated(2, 1);
  bench.lose(2);
  expect(kinds(bench.lose(1))).toEqual(['event', 'rewind']);
  expect(events(bench.effects)).toMatchObject([{ type: 'worker-lost', name: 'w1', reason: 'connection reset' }]);
});

test('who leaves finishes its shards, and the last one who holds the state stays until it is kept', () => {
  const bench = halves('coordinator');
  expect(kinds(bench.hear(2, { case: 'leaving', value: { reason: 'SIGTERM' } }))).toEqual([]);
  bench.computed(2, 1, [second]);
  expect(messages(bench.arrived(2, 1, second))).toMatchObject([
    { session: 2, case: 'finish', value: { comeBack: false } },
  ]);
  const workers = halves('workers');
  for (const session of [1, 2]) workers.updated(session, 1);
  for (const session of [1, 2]) workers.hear(session, { case: 'leaving', value: { reason: 'SIGTERM' } });
  expect(workers.core.holders).toHaveLength(1);
  expect(workers.effects).toContainEqual({ kind: 'keep', item: 1 });
  // The next item waits for somebody to come, and does not go back.
  expect(kinds(workers.give({ kind: 'begin', item: spec(2) }))).toEqual(['event']);
  expect(messages(workers.give({ kind: 'kept', item: 1 }))).toMatchObject([{ case: 'finish' }]);
  workers.join(3);
  expect(messages(workers.effects)).toMatchObject([{ session: 3, case: 'adopt', value: { item: 1, address: '' } }]);
});

test('faults of the job end the run, those of a machine its membership', () => {
  const bench = halves('coordinator');
  const failed = (jobAtFault: boolean) => ({ item: 1, message: 'out of memory', jobAtFault, unreachableMember: 0 });
  expect(kinds(bench.hear(2, { case: 'failed', value: failed(false) }))).toContain('close');
  expect(bench.hear(1, { case: 'failed', value: failed(true) })).toContainEqual({
    kind: 'failed',
    message: 'out of memory',
  });
});

test('evaluations come to the coordinator, also where workers own the parameters', () => {
  const bench = new Bench('workers');
  bench.join(1);
  bench.give({ kind: 'begin', item: spec(1, 'evaluate') });
  bench.adopted(0, 1);
  expect(work(bench.effects)).toEqual([[1, [{ lo: 0, hi: 8 }]]]);
  // The last holder goes; the state is the one the coordinator has: it goes on with the next one.
  bench.lose(1);
  bench.join(2);
  bench.adopted(0, 2);
  expect(work(bench.effects)).toEqual([[2, [{ lo: 0, hi: 8 }]]]);
  const value = { item: 1, nodes: [{ range: { lo: 0, hi: 8 }, values: Uint8Array.of(0, 0, 0, 0) }], computeMs: 1 };
  expect(bench.hear(2, { case: 'computed', value })).toMatchObject([
    { kind: 'collect', values: Uint8Array.of(0, 0, 0, 0) },
  ]);
});
