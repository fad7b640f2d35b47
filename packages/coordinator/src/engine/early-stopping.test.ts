import { expect, test } from 'vitest';
import { EarlyStopping } from './early-stopping.ts';

const spec = { monitor: 'loss', mode: 'min', patience: 2, minDelta: 0.1 } as const;

function stopsAt(losses: readonly number[], resumeAfter = -1): number {
  let stopping = new EarlyStopping(spec);
  for (const [i, loss] of losses.entries()) {
    stopping.evaluated({ loss });
    if (i === resumeAfter) stopping = new EarlyStopping(spec, stopping.counters);
    if (stopping.stop) return i;
  }
  return -1;
}

test('stops after so many evaluations that are not better by more than minDelta', () => {
  expect(stopsAt([3, 2, 1, 0])).toBe(-1);
  expect(stopsAt([3, 2.95, 2.92, 0])).toBe(2);
  expect(stopsAt([3, 2.95, 2.8, 2.75, 2.74])).toBe(4);
  expect(stopsAt([Number.NaN, Number.NaN, 1])).toBe(1);
});

test('goes on from its counters', () => {
  for (const resumeAfter of [0, 1, 2, 3]) expect(stopsAt([3, 2.95, 2.8, 2.75, 2.74], resumeAfter)).toBe(4);
  expect(stopsAt([Number.NaN, 1, 2, 3], 0)).toBe(3);
});

test('a metric to be large', () => {
  const stopping = new EarlyStopping({ monitor: 'accuracy', mode: 'max', patience: 1, minDelta: 0 });
  stopping.evaluated({ loss: 1, accuracy: 0.5 });
  expect(stopping.stop).toBe(false);
  stopping.evaluated({ loss: 0, accuracy: 0.5 });
  expect(stopping.stop).toBe(true);
});
