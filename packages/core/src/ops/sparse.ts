import { ShapeError } from '../errors.ts';
import { type Shape, sameShape, shapeText } from '../graph/dim.ts';
import { apply, defineOp, type Emit, type Operand, ShapeRule } from '../graph/op.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { KernelName } from '../kernels/opcodes.ts';
import { type Adjacency, adjacencySizes } from './adjacency.ts';
import { count, expectDType, fixedSize, lastSize, operand } from './check.ts';
import { expand } from './stretch.ts';

// Products with an adjacency: x is [..., sources, features], the result [..., rows, features].

interface Sizes {
  readonly batch: Shape;
  readonly rows: number;
  readonly edges: number;
  /** Rows of `x`: sources, or rows for a gradient. */
  readonly nodes: number;
  readonly features: number;
}

export function nodeSizes(x: Operand, pointers: Operand, columns: Operand): Sizes {
  expectDType(x, 'f32');
  const { batch: own, rows, edges } = adjacencySizes(pointers, columns);
  if (x.shape.length < 2) throw new ShapeRule('nodes need [..., nodes, features]');
  const batch = x.shape.slice(0, -2);
  if (own.length > 0 && !sameShape(own, batch))
    throw new ShapeRule('the adjacency needs the leading dimensions of the nodes, or none');
  const nodes = fixedSize(x.shape.at(-2) as Shape[0], 'the number of nodes');
  return { batch, rows, edges, nodes, features: fixedSize(lastSize(x.shape), 'the number of features') };
}

/** Weights are [..., edges] or [..., edges, heads]; 1 head where there are none. */
function headsOf(weights: Operand | undefined, { batch, edges, features }: Sizes): number {
  if (!weights) return 1;
  expectDType(weights, 'f32', 'weights');
  const fits = sameShape(weights.shape.slice(0, batch.length + 1), [...batch, edges]);
  if (!fits || weights.shape.length > batch.length + 2)
    throw new ShapeRule('weights need [..., edges] or [..., edges, heads]');
  const heads = weights.shape.length > batch.length + 1 ? fixedSize(lastSize(weights.shape), 'the number of heads') : 1;
  if (features % heads !== 0) throw new ShapeRule(`${features} features cannot be divided among ${heads} heads`);
  return heads;
}

const expectNodes = (nodes: number, expected: number): void => {
  if (nodes !== expected) throw new ShapeRule(`${nodes} nodes where the adjacency has ${expected}`);
};

interface ProductParts {
  readonly pointers: Emit['inputs'][0];
  readonly columns: Emit['inputs'][0];
  readonly heads: number;
  readonly nodes: number;
  readonly features: number;
  readonly graphs: number;
}

function emitProduct(e: Emit, name: KernelName, addresses: readonly number[], parts: ProductParts): void {
  const { pointers, columns, heads, nodes, features, graphs } = parts;
  e.kernel(
    name,
    e.out,
    ...addresses,
    pointers.address,
    columns.address,
    graphs,
    (pointers.shape.at(-1) as number) - 1,
    nodes,
    columns.shape.at(-1) as number,
    heads,
    features / heads,
    pointers.shape.length === 1 ? 1 : 0,
  );
}

type Input = Emit['inputs'][0];
const heads = (x: Input, weights: Input | undefined): number =>
  weights && weights.shape.length === x.shape.length ? (weights.shape.at(-1) as number) : 1;

const gradInputOp = defineOp({
  name: 'sparseProductGradInput',
  // inputs: g, row pointers, columns, and weights where there are some
  infer: (inputs, attributes) => {
    const sizes = nodeSizes(operand(inputs, 0), operand(inputs, 1), operand(inputs, 2));
    expectNodes(sizes.nodes, sizes.rows);
    headsOf(inputs[3], sizes);
    return { shape: [...sizes.batch, attributes.sources as number, sizes.features], dtype: 'f32' };
  },
  emit: (e) => {
    const [g, pointers, columns, weights] = e.inputs as [Input, Input, Input, Input | undefined];
    const [nodes, features] = e.shape.slice(-2) as [number, number];
    const graphs = count(e.shape.slice(0, -2));
    const parts = { pointers, columns, heads: heads(g, weights), nodes, features, graphs };
    emitProduct(e, 'sparseProductGradInput', [g.address, weights?.address ?? 0], parts);
  },
});

const gradWeightsOp = defineOp({
  name: 'sparseProductGradWeights',
  // inputs: x, g, row pointers, columns; heads 0: weights have no dimension of heads
  infer: (inputs, attributes) => {
    const sizes = nodeSizes(operand(inputs, 0), operand(inputs, 2), operand(inputs, 3));
    const last = (attributes.heads as number) > 0 ? [attributes.heads as number] : [];
    const shape = [...sizes.batch, sizes.edges, ...last];
    headsOf({ shape, dtype: 'f32' }, sizes);
    return { shape, dtype: 'f32' };
  },
  emit: (e) => {
    const [x, g, pointers, columns] = e.inputs as [Input, Input, Input, Input];
    const [nodes, features] = x.shape.slice(-2) as [number, number];
    const graphs = count(x.shape.slice(0, -2));
    const parts = { pointers, columns, heads: Math.max(e.attributes.heads as number, 1), nodes, features, graphs };
    emitProduct(e, 'sparseProductGradWeights', [x.address, g.address], parts);
  },
});

const productOp = defineOp({
  name: 'sparseProduct',
  // inputs: x, row pointers, columns, and weights where there are some
  infer: (inputs) => {
    const sizes = nodeSizes(operand(inputs, 0), operand(inputs, 1), operand(inputs, 2));
    headsOf(inputs[3], sizes);
    return { shape: [...sizes.batch, sizes.rows, sizes.features], dtype: 'f32' };
  },
  emit: (e) => {
    const [x, pointers, columns, weights] = e.inputs as [Input, Input, Input, Input | undefined];
    const [nodes, features] = x.shape.slice(-2) as [number, number];
    const graphs = count(x.shape.slice(0, -2));
    const parts = { pointers, columns, heads: heads(x, weights), nodes, features, graphs };
    emitProduct(e, 'sparseProduct', [x.address, weights?.address ?? 0], parts);
  },
  derivative: ({ inputs, gradient: g }) => {
    const [x, pointers, columns, weights] = inputs as [Tensor, Tensor, Tensor, Tensor | undefined];
    const structure = weights ? [pointers, columns, weights] : [pointers, columns];
    const headed = weights && weights.rank === x.rank ? (weights.shape.at(-1) as number) : 0;
    return [
      apply(gradInputOp, [g, ...structure], { sources: x.shape.at(-2) as number }),
      undefined,
      undefined,
      weights && apply(gradWeightsOp, [x, g, pointers, columns], { heads: headed }),
    ];
  },
});

/**
 * x stretched to the adjacency's batch where it has no batch of its own.
 *
 * @throws ShapeError where x does not have the adjacency's number of nodes
 */
export function nodesOf(op: string, x: Tensor, nodes: number, { rowPointers }: Adjacency): Tensor {
  if (x.rank < 2 || x.shape.at(-2) !== nodes)
    throw new ShapeError(`${op}: x ${shapeText(x.shape)} must be [..., ${nodes}, features] for this adjacency.`);
  return x.rank === 2 && rowPointers.rank > 1 ? expand(x, [...rowPointers.shape.slice(0, -1), ...x.shape]) : x;
}

/**
 * Sparse times dense: row i of the result is the sum of `weights[e] * x[columns[e]]` over its edges e. x `[..., sources, features]`; weights
 * `[..., edges]` (default: the adjacency's values, or 1), or `[..., edges, heads]`, where head h weighs the h-th part of the features; one row
 * of weights `[edges]` serves a whole batch. Returns `[..., rows, features]`.
 */
export function sparseMatmul(adjacency: Adjacency, x: Tensor, weights = adjacency.values): Tensor {
  const { rowPointers, columns, sources } = adjacency;
  const nodes = nodesOf('sparseMatmul', x, sources, adjacency);
  if (!weights) return apply(productOp, [nodes, rowPointers, columns]);
  const own = weights.rank === 1 ? expand(weights, [...nodes.shape.slice(0, -2), ...weights.shape]) : weights;
  return apply(productOp, [nodes, rowPointers, columns, own]);
}
