import { fileURLToPath } from 'node:url';
import { math } from '@lockstep/core';
import type { Example } from './support/example.ts';
import { byAutograd, byDifferences, flatten, furthest, type Layer } from './support/gradients.ts';

// Forward and back propagation of sigmoid layers by explicit formulas, each printed with its numbers, beside the gradients that Lockstep
// derives itself and finite differences. docs/backpropagation.md has the derivation. `node examples/backprop-by-hand.ts [layers]`

type Say = (line: string) => void;

const sigmoid = (z: number) => 1 / (1 + math.exp(-z));
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const text = (value: number) => String(Number(value.toPrecision(7)));
const silent: Say = () => undefined;

/** Two inputs of 0.5, layers of two units, all weights and biases 0.1, target as the inputs. */
export const standard = (layers: number) => ({
  layers: Array.from(
    { length: layers },
    (): Layer => ({
      weight: [
        [0.1, 0.1],
        [0.1, 0.1],
      ],
      bias: [0.1, 0.1],
    }),
  ),
  input: [0.5, 0.5],
  target: [0.5, 0.5],
});

/** Outputs of all layers, the input first: a[l] = sigmoid(W[l] a[l-1] + b[l]). */
export function forward(layers: readonly Layer[], input: readonly number[], say: Say = silent): number[][] {
  const outputs = [[...input]];
  layers.forEach(({ weight, bias }, l) => {
    const before = outputs[l] as number[];
    outputs.push(
      weight.map((row, i) => {
        const z = sum(row.map((w, j) => w * (before[j] as number))) + (bias[i] as number);
        const products = row.map((w, j) => `${text(w)} * ${text(before[j] as number)}`).join(' + ');
        say(`z[${l + 1}][${i + 1}] = ${products} + ${text(bias[i] as number)} = ${text(z)}`);
        say(`a[${l + 1}][${i + 1}] = 1 / (1 + exp(-${text(z)})) = ${text(sigmoid(z))}`);
        return sigmoid(z);
      }),
    );
  });
  return outputs;
}

/** E = 1/2 sum (a - t)^2 */
export function errorOf(output: readonly number[], target: readonly number[], say: Say = silent): number {
  const squares = output.map((a, i) => `(${text(a)} - ${text(target[i] as number)})^2`).join(' + ');
  const error = sum(output.map((a, i) => (a - (target[i] as number)) ** 2)) / 2;
  say(`E = 1/2 (${squares}) = ${text(error)}`);
  return error;
}

/** Derivatives of the error: delta = dE/dz from the last layer to the first, then dE/dW = delta a^T and dE/db = delta. */
export function backward(
  layers: readonly Layer[],
  outputs: readonly (readonly number[])[],
  target: readonly number[],
  say: Say = silent,
): readonly Layer[] {
  const gradients: Layer[] = [];
  let delta: number[] = [];
  for (let l = layers.length; l > 0; l--) {
    const [a, before] = [outputs[l], outputs[l - 1]] as [number[], number[]];
    const next = layers[l];
    delta = a.map((value, i) => {
      const terms = next?.weight.map((row, k) => [row[i], delta[k]] as [number, number]);
      const slope = terms ? sum(terms.map(([w, d]) => w * d)) : value - (target[i] as number);
      const words = terms
        ? terms.map(([w, d]) => `${text(w)} * ${text(d)}`).join(' + ')
        : `${text(value)} - ${text(target[i] as number)}`;
      const result = slope * value * (1 - value);
      say(`delta[${l}][${i + 1}] = (${words}) * ${text(value)} * (1 - ${text(value)}) = ${text(result)}`);
      return result;
    });
    const weight = delta.map((d, i) =>
      before.map((x, j) => {
        say(`dE/dw[${l}][${i + 1}][${j + 1}] = ${text(d)} * ${text(x)} = ${text(d * x)}`);
        return d * x;
      }),
    );
    delta.forEach((d, i) => {
      say(`dE/db[${l}][${i + 1}] = ${text(d)}`);
    });
    gradients.unshift({ weight, bias: delta });
  }
  return gradients;
}

/**
 * The common shortcut for the last layer's delta: `1 - input` of the layer for the sigmoid's derivative, output minus input of the network
 * for the error.
 */
export const shortcut = (outputs: readonly (readonly number[])[]): readonly number[] =>
  (outputs.at(-1) as number[]).map((a, i) => (a - (outputs[0]?.[i] as number)) * (1 - (outputs.at(-2)?.[i] as number)));

function showShortcut(layers: readonly Layer[], outputs: readonly (readonly number[])[], say: Say): void {
  const wrong = shortcut(outputs)[0] as number;
  for (const target of [0.5, 0.9]) {
    const right = backward(layers, outputs, [target, target]).at(-1)?.bias[0] as number;
    say(
      `target ${target}: delta ${text(right)}, by the shortcut ${text(wrong)}, ${(wrong / right).toFixed(2)} times as much`,
    );
  }
}

/** Everything for so many layers; the largest differences between the three ways. */
export async function show(count: number, say: Say): Promise<{ autograd: number; differences: number }> {
  const { layers, input, target } = standard(count);
  say('Forward');
  const outputs = forward(layers, input, say);
  errorOf(outputs.at(-1) as number[], target, say);
  say('\nBackward');
  const byHand = flatten(backward(layers, outputs, target, say));
  const autograd = furthest(byHand, (await byAutograd(layers, input, target)).flat);
  const error = (changed: readonly Layer[]) => errorOf(forward(changed, input).at(-1) as number[], target);
  const differences = furthest(byHand, byDifferences(layers, error));
  say(
    `\nLargest difference from autograd ${autograd.toExponential(1)}, from finite differences ${differences.toExponential(1)}`,
  );
  say('\nThe shortcut, first unit of the last layer');
  showShortcut(layers, outputs, say);
  return { autograd, differences };
}

export const example: Example = {
  system: 'forward and back propagation by hand',
  seeds: [1],
  figures: [
    { name: 'largest difference from autograd', atMost: 1e-6, of: async () => (await show(2, silent)).autograd },
    { name: 'from finite differences', atMost: 1e-6, of: async () => (await show(2, silent)).differences },
  ],
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await show(Number(process.argv[2] ?? 2), console.log);
}
