import { ops, type Tensor, tensor, valueAndGrad } from '@lockstep/core';

/** weight[i][j] leads from input j to output i. */
export interface Layer {
  readonly weight: readonly (readonly number[])[];
  readonly bias: readonly number[];
}

/** Half the squared error of sigmoid layers and its gradients by Lockstep's own derivatives, in single precision. */
export async function byAutograd(layers: readonly Layer[], input: readonly number[], target: readonly number[]) {
  const tensors = layers.flatMap(({ weight, bias }) => [
    tensor(weight.flat(), { shape: [bias.length, weight[0]?.length ?? 0] }),
    tensor([...bias], { shape: [bias.length] }),
  ]);
  const network = (...parameters: Tensor[]) => {
    let a = tensor([...input], { shape: [1, input.length] });
    for (let l = 0; l < parameters.length; l += 2) {
      a = ops.linear(a, parameters[l] as Tensor, parameters[l + 1] as Tensor).sigmoid();
    }
    return a
      .sub(tensor([...target], { shape: [1, target.length] }))
      .square()
      .sum()
      .mul(0.5);
  };
  const { value, gradients } = valueAndGrad(network)(...tensors);
  return {
    error: await value.item(),
    flat: (await Promise.all(gradients.map((g) => g.data()))).flatMap((g) => [...g]),
  };
}

/** Gradients by central differences, (E(w + h) - E(w - h)) / 2h. */
export function byDifferences(layers: readonly Layer[], errorOf: (layers: readonly Layer[]) => number): number[] {
  const h = 1e-5;
  const changed = (at: number, by: number) => {
    let k = 0;
    const change = (value: number) => (k++ === at ? value + by : value);
    const moved = layers.map(({ weight, bias }) => ({
      weight: weight.map((row) => row.map(change)),
      bias: bias.map(change),
    }));
    return errorOf(moved);
  };
  return flatten(layers).map((_, at) => (changed(at, h) - changed(at, -h)) / (2 * h));
}

/** Weights of a layer row by row, then its biases, layer after layer. */
export const flatten = (layers: readonly Layer[]): number[] =>
  layers.flatMap(({ weight, bias }) => [...weight.flat(), ...bias]);

export const furthest = (a: readonly number[], b: readonly number[]): number =>
  Math.max(...a.map((value, i) => Math.abs(value - (b[i] as number))));
