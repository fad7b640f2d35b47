import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { backward, errorOf, forward, shortcut, show, standard } from './backprop-by-hand.ts';
import { byAutograd, byDifferences, flatten, furthest, type Layer } from './support/gradients.ts';

test.each([1, 2, 3, 5, 10])('%i layers: formulas, autograd and finite differences agree to 1e-6', async (count) => {
  const { autograd, differences } = await show(count, () => undefined);
  expect(autograd).toBeLessThan(1e-6);
  expect(differences).toBeLessThan(1e-6);
});

/** Layers of other widths, with weights that all differ. */
const uneven: Layer[] = [
  [3, 5],
  [5, 1],
  [1, 4],
].map(([inputs = 0, outputs = 0], l) => ({
  weight: Array.from({ length: outputs }, (_, i) =>
    Array.from({ length: inputs }, (_, j) => ((7 * i + 3 * j + l) % 11) / 5 - 1),
  ),
  bias: Array.from({ length: outputs }, (_, i) => ((5 * i + l) % 7) / 7 - 0.5),
}));

test('layers of other widths', async () => {
  const [input, target] = [
    [0.3, -0.7, 1.1],
    [0.1, 0.9, 0.4, 0.6],
  ];
  const outputs = forward(uneven, input);
  const byHand = flatten(backward(uneven, outputs, target));
  const own = await byAutograd(uneven, input, target);
  const error = (layers: readonly Layer[]) => errorOf(forward(layers, input).at(-1) as number[], target);
  expect(byHand).toHaveLength(3 * 5 + 5 + 5 + 1 + 4 + 4);
  expect(Math.max(...byHand.map(Math.abs))).toBeGreaterThan(1e-2);
  expect(Math.abs(own.error - error(uneven))).toBeLessThan(1e-6);
  expect(furthest(byHand, own.flat)).toBeLessThan(1e-6);
  expect(furthest(byHand, byDifferences(uneven, error))).toBeLessThan(1e-6);
});

test('the shortcut is too large, and downhill only while the target is the input', () => {
  const { layers, input, target } = standard(2);
  const outputs = forward(layers, input);
  const wrong = shortcut(outputs)[0] as number;
  const right = backward(layers, outputs, target).at(-1)?.bias[0] as number;
  expect(wrong / right).toBeGreaterThan(1.8);
  const elsewhere = backward(layers, outputs, [0.9, 0.9]).at(-1)?.bias[0] as number;
  expect(Math.sign(elsewhere)).toBe(-Math.sign(wrong));

  /** Error after one step of descent on the last layer's biases. */
  const after = (delta: number, goal: readonly number[]) => {
    const moved = layers.map(({ weight, bias }, l) => ({ weight, bias: l === 1 ? bias.map((b) => b - delta) : bias }));
    return errorOf(forward(moved, input).at(-1) as number[], goal);
  };
  const before = errorOf(outputs.at(-1) as number[], [0.9, 0.9]);
  expect(after(elsewhere, [0.9, 0.9])).toBeLessThan(before);
  expect(after(wrong, [0.9, 0.9])).toBeGreaterThan(before);
});

test('the numbers in docs/backpropagation.md are those that the example prints', async () => {
  const printed: string[] = [];
  await show(2, (line) => printed.push(...line.split('\n')));
  const page = readFileSync(new URL('../docs/backpropagation.md', import.meta.url), 'utf8');
  const lines = [...page.matchAll(/```text\n([^`]*)```/g)].flatMap(([, block]) => (block as string).trim().split('\n'));
  expect(lines).toHaveLength(11);
  for (const line of lines) expect(printed).toContain(line);
});
