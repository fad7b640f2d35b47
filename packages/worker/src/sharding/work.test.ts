import fc from 'fast-check';
import { expect, test } from 'vitest';
import { apportion, shardsOf } from './shards.ts';
import { foldTree, maximalSubtrees, splitPoint } from './tree.ts';
import { planWork, type WorkPlan } from './work.ts';

const f = Math.fround;

/** Some rounding that is not that of a sum of f32. */
const rounded = (x: number): number => Math.round(x * 4) / 4;

/** "All shards to one place, then the tree": the definition that every plan must agree with. */
function byTheBook(values: readonly (number | null)[], round = f): number | null {
  return foldTree<number>(
    { lo: 0, hi: values.length },
    ({ lo, hi }) => (hi - lo === 1 ? (values[lo] as number | null) : undefined),
    (left, right) => round(left + right),
  );
}

/** Dense tree over the segments of one run, as the kernels join them. */
const joinRun = (values: readonly number[]): number => byTheBook(values) as number;

/** The values of the plan's nodes, in order. */
function execute(plan: WorkPlan, batch: number, shards: number, values: readonly number[], round = f): number[] {
  const starts = shardsOf(batch, shards);
  const buffers = plan.threads.map(({ items, buffers }) => {
    const own = Array<number>(buffers).fill(Number.NaN);
    for (const item of items) {
      if (item.kind === 'add') {
        own[item.into] = round((own[item.into] as number) + (own[item.from] as number));
        continue;
      }
      const first = starts.findIndex(({ from, to }) => from === item.position && to > from);
      let at = first;
      item.groups.forEach((count, g) => {
        own[item.buffers[g] as number] =
          count === 1 ? round(values[at] as number) : joinRun(values.slice(at, at + count));
        at += count;
      });
    }
    return own;
  });
  for (const { into, from } of plan.fold) {
    const target = buffers[into.thread] as number[];
    target[into.index] = round((target[into.index] as number) + (buffers[from.thread]?.[from.index] as number));
  }
  return plan.nodes.map(({ buffer }) => buffers[buffer.thread]?.[buffer.index] as number);
}

test('the tree splits at the largest power of two below its length', () => {
  expect([2, 3, 4, 5, 8, 9, 12, 16].map((hi) => splitPoint({ lo: 0, hi }))).toEqual([1, 2, 2, 4, 4, 8, 8, 8]);
  expect(maximalSubtrees({ lo: 0, hi: 16 }, 3, 14)).toEqual([
    { lo: 3, hi: 4 },
    { lo: 4, hi: 8 },
    { lo: 8, hi: 12 },
    { lo: 12, hi: 14 },
  ]);
});

test('shards and threads cover everything once', () => {
  expect(shardsOf(10, 4)).toEqual([
    { from: 0, to: 2 },
    { from: 2, to: 5 },
    { from: 5, to: 7 },
    { from: 7, to: 10 },
  ]);
  expect(apportion(16, 3).map(({ from, to }) => to - from)).toEqual([5, 5, 6]);
});

test('any threads, batch and merging give the bits of the definition', () => {
  const property = fc.property(
    fc.integer({ min: 1, max: 40 }),
    fc.integer({ min: 1, max: 33 }),
    fc.integer({ min: 1, max: 9 }),
    fc.integer({ min: 1, max: 16 }),
    fc.infiniteStream(fc.float({ noNaN: true, min: -1000, max: 1000 })),
    (batch, shards, threads, limit, stream) => {
      const values = Array.from({ length: shards }, () => stream.next().value as number);
      const present = shardsOf(batch, shards).map(({ from, to }, s) => (to > from ? (values[s] as number) : null));
      const plan = planWork({ batch, shards, threads, mayMerge: (segments) => segments.length <= limit });
      const samples = plan.threads.flatMap(({ items }) =>
        items.flatMap((item) => (item.kind === 'run' ? item.segments : [])),
      );
      expect(samples.reduce((a, b) => a + b, 0)).toBe(batch);
      expect(execute(plan, batch, shards, values)).toEqual([byTheBook(present)]);
    },
  );
  fc.assert(property, { numRuns: 2000, seed: 7 });
});

test('any ranges spread over any workers and threads give nodes that fold to the bits of the definition', () => {
  const property = fc.property(
    fc.integer({ min: 1, max: 40 }),
    fc.integer({ min: 1, max: 33 }),
    fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 33, maxLength: 33 }),
    fc.integer({ min: 1, max: 4 }),
    fc.integer({ min: 1, max: 16 }),
    fc.boolean(),
    fc.infiniteStream(fc.float({ noNaN: true, min: -1000, max: 1000 })),
    (batch, shards, owners, threads, limit, apart, stream) => {
      const round = apart ? rounded : f;
      const values = Array.from({ length: shards }, () => round(stream.next().value as number));
      const present = shardsOf(batch, shards).map(({ from, to }, s) => (to > from ? (values[s] as number) : null));
      const arrived = new Map<string, number>();
      for (const worker of [0, 1, 2, 3]) {
        const ranges: { lo: number; hi: number }[] = [];
        for (let s = 0; s < shards; s++) {
          if (owners[s] !== worker) continue;
          if (ranges.at(-1)?.hi === s) (ranges.at(-1) as { hi: number }).hi++;
          else ranges.push({ lo: s, hi: s + 1 });
        }
        const mayMerge = (segments: readonly number[]) => segments.length <= limit;
        const plan = planWork({ batch, shards, threads, ranges, mayMerge, apart });
        const results = execute(plan, batch, shards, values, round);
        plan.nodes.forEach(({ lo, hi }, i) => {
          arrived.set(`${lo}-${hi}`, results[i] as number);
        });
      }
      const root = foldTree<number>(
        { lo: 0, hi: shards },
        ({ lo, hi }) => arrived.get(`${lo}-${hi}`) ?? (hi - lo === 1 ? null : undefined),
        (left, right) => round(left + right),
      );
      expect(root).toBe(byTheBook(present, round));
    },
  );
  fc.assert(property, { numRuns: 2000, seed: 9 });
});

test('no ranges are no work', () => {
  const plan = planWork({ batch: 8, shards: 4, threads: 2, ranges: [], mayMerge: () => true });
  expect(plan).toMatchObject({ fold: [], nodes: [], idle: 2 });
});

test('idle threads are counted', () => {
  expect(planWork({ batch: 8, shards: 2, threads: 5, mayMerge: () => true }).idle).toBe(3);
});
