import { at, maskByOutput, masksOf, type Nodes } from './node-readers.ts';
import type { ProgramNode } from './program.ts';

/** A normalisation with weight and bias, and nothing in it yet. */
const isPlain = ({ op, inputs, attributes }: ProgramNode): boolean =>
  op === 'batchNorm' && inputs.length === 4 && attributes.relu !== true;

/** relu(norm): sums and gradient of the normalisation mask the gradient themselves. */
export function fuseNormAndRelu(nodes: Nodes, readers: readonly number[][], norm: number, relu: number): void {
  const { inputs, attributes } = at(nodes, norm);
  const masks = masksOf(nodes, readers, norm, relu);
  if (!masks || !isPlain(at(nodes, norm))) return;
  const [x, moments, weight, bias] = inputs as [number, number, number, number];
  const users = masks.flatMap((i) => (readers[i] ?? [Number.NaN]) as number[]);
  const isDerivative = (i: number) => {
    const user = nodes[i];
    if (user?.op !== 'batchNormSums' && user?.op !== 'batchNormGrad') return false;
    const others = user.inputs.filter((input, j) => j !== 1 && masks.includes(input));
    return user.inputs[0] === x && user.inputs[2] === moments && others.length === 0;
  };
  if (!users.every(isDerivative)) return;
  nodes[relu] = { ...at(nodes, relu), op: 'batchNorm', inputs, attributes: { ...attributes, relu: true } };
  for (const i of new Set(users)) {
    const user = at(nodes, i);
    const [, mask, ...rest] = user.inputs as [number, number, ...number[]];
    // sums end with the moments, gradients with the weight
    const read = [
      x,
      at(nodes, mask).inputs[1] as number,
      ...rest,
      ...(user.op === 'batchNormSums' ? [weight] : []),
      bias,
    ];
    nodes[i] = { ...user, inputs: read, attributes: { ...user.attributes, relu: true } };
  }
}

/** relu(norm + z). */
export function fuseSumAndRelu(nodes: Nodes, readers: readonly number[][], sum: number, relu: number): void {
  const { inputs, shape } = at(nodes, sum);
  const sameShape = (i: number) => JSON.stringify(at(nodes, i).shape) === JSON.stringify(shape);
  const norm = inputs.find((i) => isPlain(at(nodes, i)) && (readers[i] as number[]).every((reader) => reader === sum));
  const other = inputs.find((i) => i !== norm);
  if (norm === undefined || other === undefined || !sameShape(norm) || !sameShape(other)) return;
  const masks = masksOf(nodes, readers, sum, relu);
  if (!masks) return;
  const { inputs: read, attributes } = at(nodes, norm);
  nodes[relu] = {
    ...at(nodes, relu),
    op: 'batchNorm',
    inputs: [...read, other],
    attributes: { ...attributes, relu: true },
  };
  maskByOutput(nodes, masks, relu);
}
