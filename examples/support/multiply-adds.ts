import type { Tensor } from '@lockstep/core';

const product = (sizes: readonly unknown[]): number => sizes.reduce((n: number, size) => n * (size as number), 1);

/** Multiplications with weights that one sample costs: those of all convolutions and products that `output` of one sample depends on. */
export function multiplyAdds(output: Tensor): number {
  const seen = new Set<Tensor>();
  let total = 0;
  const visit = (node: Tensor): void => {
    if (seen.has(node)) return;
    seen.add(node);
    const weight = node.inputs[1];
    if (node.op === 'conv2d' && weight) total += product(node.shape.slice(2)) * product(weight.shape);
    if (node.op === 'matmul' && weight) total += product(weight.shape);
    for (const input of node.inputs) visit(input);
  };
  visit(output);
  return total;
}
