import type { ProgramNode } from './program.ts';

// Fewer passes over images, with the same bits: what follows a batch normalisation, and what comes before its derivative, becomes part of it.

interface Fused {
  readonly nodes: readonly ProgramNode[];
  /** Where each node has gone; undefined where nobody needs it any more. */
  readonly place: readonly (number | undefined)[];
}

/**
 * Joins ReLU, and a sum before it (the end of a residual block), with the batch normalisation in front:
 *
 * - relu(norm) becomes one op. Its derivative finds out by itself what the ReLU lets through, from what the normalisation read.
 * - relu(norm + z) becomes one op. What the ReLU lets through is where its output is above 0, so the sum need not be kept.
 *
 * Only where nobody else reads what lies between.
 */
export function fuseBatchNorm(given: readonly ProgramNode[], roots: readonly number[]): Fused {
  const nodes = [...given];
  const readers = readersOf(nodes);
  for (const root of roots) readers[root]?.push(Number.NaN);
  nodes.forEach((node, i) => {
    if (node.op !== 'relu') return;
    const source = node.inputs[0] as number;
    if (nodes[source]?.op === 'batchNorm') fuseRelu(nodes, readers, source, i);
    else if (nodes[source]?.op === 'add') fuseSum(nodes, readers, source, i);
  });
  return withoutUnread(nodes, roots);
}

const at = (nodes: readonly ProgramNode[], i: number): ProgramNode => nodes[i] as ProgramNode;

/** The nodes that read each node; a reader that is no node is NaN. */
function readersOf(nodes: readonly ProgramNode[]): number[][] {
  const readers = nodes.map((): number[] => []);
  nodes.forEach(({ inputs }, i) => {
    for (const input of new Set(inputs)) readers[input]?.push(i);
  });
  return readers;
}

/** A normalisation with weight and bias, and nothing in it yet. */
const isPlain = ({ op, inputs, attributes }: ProgramNode): boolean =>
  op === 'batchNorm' && inputs.length === 4 && attributes.relu !== true;

function fuseRelu(nodes: ProgramNode[], readers: readonly number[][], norm: number, relu: number): void {
  const { inputs, attributes } = at(nodes, norm);
  if (!isPlain(at(nodes, norm))) return;
  const [x, moments, weight, bias] = inputs as [number, number, number, number];
  const masks = (readers[norm] as number[]).filter((i) => i !== relu);
  const users = masks.flatMap((i) => (readers[i] ?? [Number.NaN]) as number[]);
  const isMask = (i: number) =>
    nodes[i]?.op === 'reluGrad' && nodes[i].inputs[0] === norm && nodes[i].inputs[1] !== norm;
  const isDerivative = (i: number) => {
    const user = nodes[i];
    if (user?.op !== 'batchNormSums' && user?.op !== 'batchNormGrad') return false;
    const others = user.inputs.filter((input, j) => j !== 1 && masks.includes(input));
    return user.inputs[0] === x && user.inputs[2] === moments && others.length === 0;
  };
  if (!masks.every(isMask) || !users.every(isDerivative)) return;
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

function fuseSum(nodes: ProgramNode[], readers: readonly number[][], sum: number, relu: number): void {
  const { inputs, shape } = at(nodes, sum);
  const sameShape = (i: number) => JSON.stringify(at(nodes, i).shape) === JSON.stringify(shape);
  const norm = inputs.find((i) => isPlain(at(nodes, i)) && (readers[i] as number[]).every((reader) => reader === sum));
  const other = inputs.find((i) => i !== norm);
  if (norm === undefined || other === undefined || !sameShape(norm) || !sameShape(other)) return;
  const masks = (readers[sum] as number[]).filter((i) => i !== relu);
  const isMask = (i: number) => nodes[i]?.op === 'reluGrad' && nodes[i].inputs[0] === sum && nodes[i].inputs[1] !== sum;
  if (!masks.every((i) => isMask(i) && i > relu)) return;
  const { inputs: read, attributes } = at(nodes, norm);
  nodes[relu] = {
    ...at(nodes, relu),
    op: 'batchNorm',
    inputs: [...read, other],
    attributes: { ...attributes, relu: true },
  };
  for (const i of masks) nodes[i] = { ...at(nodes, i), inputs: [relu, at(nodes, i).inputs[1] as number] };
}

/** What the roots depend on, in the same order. */
function withoutUnread(nodes: readonly ProgramNode[], roots: readonly number[]): Fused {
  const read = new Set(roots);
  for (let i = nodes.length - 1; i >= 0; i--) if (read.has(i)) for (const input of at(nodes, i).inputs) read.add(input);
  const place: (number | undefined)[] = [];
  let next = 0;
  nodes.forEach((_, i) => {
    place.push(read.has(i) ? next++ : undefined);
  });
  const kept = nodes.filter((_, i) => read.has(i));
  return {
    nodes: kept.map((node) => ({ ...node, inputs: node.inputs.map((input) => place[input] as number) })),
    place,
  };
}
