import { TapeWriter } from '@lockstep/core/internal';
import { expect, test } from 'vitest';
import { roundedElements, writeSum } from './rounding.ts';

/** Arguments of each instruction: both kernels take four words. */
function sums(from: number, to: number, rounded: number): number[][] {
  const tape = new TapeWriter();
  writeSum(tape, 4096, 8192, { from, to }, rounded);
  const words = [...tape.finish()];
  return Array.from({ length: words.length / 6 }, (_, i) => words.slice(6 * i + 2, 6 * i + 6));
}

test('the gradients of parameters are rounded, and nothing behind them', () => {
  const layout = { entries: [], trained: 48, length: 4112 };
  expect([roundedElements({ layout }, 'bf16'), roundedElements({ layout }, 'f32')]).toEqual([48, 0]);
});

test('a sum that reaches over the last rounded element is two instructions', () => {
  expect(sums(0, 10, 6)).toEqual([
    [4096, 4096, 8192, 6],
    [4096 + 24, 4096 + 24, 8192 + 24, 4],
  ]);
  expect([sums(0, 6, 6), sums(6, 10, 6), sums(0, 10, 0)].map((parts) => parts.length)).toEqual([1, 1, 1]);
});
