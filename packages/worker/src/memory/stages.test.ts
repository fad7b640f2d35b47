import type { Plan } from '@lockstep/core/internal';
import { expect, test } from 'vitest';
import { planStages, stageEnds } from './stages.ts';

const entry = (name: string, offset: number, size: number) => ({ name, shape: [size], offset, size });
const layout = {
  entries: [entry('a', 0, 100), entry('b', 112, 16), entry('c', 128, 100), entry('mean', 4096, 8)],
  trained: 240,
  length: 4112,
};
const planWith = (finalAfter: Record<string, number>): Plan => ({
  ...{ arenaBytes: 0, scratchBytes: 0, inputBytes: {}, outputBytes: {}, steps: 10 },
  finalAfter: new Map(Object.entries(finalAfter)),
  encode: () => new Uint32Array(),
});

test('stages follow the order in which the plan is done with parameters; the rest comes last', () => {
  const plan = planWith({ c: 3, b: 5, a: 8, mean: 2 });
  const stages = planStages(layout, plan, 4114, 50);
  expect(stages).toEqual([
    { parameters: ['c'], slices: [{ from: 128, to: 240 }] },
    {
      parameters: [],
      slices: [
        { from: 0, to: 128 },
        { from: 240, to: 4114 },
      ],
    },
  ]);
  expect(stageEnds(stages, plan)).toEqual([4, 10]);
  expect(stageEnds(stages, planWith({ c: 6, b: 5, a: 8 })), 'other shards of the same Program').toEqual([7, 10]);
});

test('every element is in one stage, whatever the least size', () => {
  for (const least of [1, 20, 150, 10_000]) {
    const slices = planStages(layout, planWith({ c: 3, b: 5, a: 8 }), 4114, least).flatMap((stage) => stage.slices);
    const covered = new Uint8Array(4114);
    for (const { from, to } of slices) for (let i = from; i < to; i++) covered[i] = (covered[i] as number) + 1;
    expect(covered.every((count) => count === 1)).toBe(true);
  }
});

test('a parameter without a gradient waits for the end', () => {
  const stages = planStages(layout, planWith({ a: 4, c: 2 }), 240, 1);
  expect(stages.map(({ parameters }) => parameters)).toEqual([['c'], []]);
});
