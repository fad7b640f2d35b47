import { apply, defineOp, type Emit } from '../graph/op.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { KernelName } from '../kernels/opcodes.ts';
import type { Adjacency } from './adjacency.ts';
import { div } from './arithmetic.ts';
import { count, operand } from './check.ts';
import { segmentCounts, segmentMax, segmentSoftmax, segmentSpread } from './segment-reduce.ts';
import { nodeSizes, nodesOf, sparseMatmul } from './sparse.ts';

type Input = Emit['inputs'][0];

function emitSources(e: Emit, name: KernelName, nodes: number): void {
  const [x, pointers, columns] = e.inputs as [Input, Input, Input];
  const [graphs, rows] = [count(x.shape.slice(0, -2)), (pointers.shape.at(-1) as number) - 1];
  const [edges, width] = [columns.shape.at(-1) as number, x.shape.at(-1) as number];
  const shared = pointers.shape.length === 1 ? 1 : 0;
  e.kernel(name, e.out, x.address, pointers.address, columns.address, graphs, rows, nodes, edges, width, shared);
}

const sourcesGradOp = defineOp({
  name: 'edgeSourcesGrad',
  infer: (inputs, { sources }) => {
    const { batch, features } = nodeSizes(operand(inputs, 0), operand(inputs, 1), operand(inputs, 2));
    return { shape: [...batch, sources as number, features], dtype: 'f32' };
  },
  emit: (e) => emitSources(e, 'edgeSourcesGrad', e.shape.at(-2) as number),
});

const sourcesOp = defineOp({
  name: 'edgeSources',
  infer: (inputs) => {
    const { batch, edges, features } = nodeSizes(operand(inputs, 0), operand(inputs, 1), operand(inputs, 2));
    return { shape: [...batch, edges, features], dtype: 'f32' };
  },
  emit: (e) => emitSources(e, 'edgeSources', e.inputs[0]?.shape.at(-2) as number),
  derivative: ({ inputs: [x, pointers, columns], gradient }) => [
    apply(sourcesGradOp, [gradient, pointers as Tensor, columns as Tensor], {
      sources: (x as Tensor).shape.at(-2) as number,
    }),
    undefined,
    undefined,
  ],
});

/** What each edge comes from: x `[..., sources, features]` by the columns, `[..., edges, features]`; zeros behind the last edge. */
export const edgeSources = (adjacency: Adjacency, x: Tensor): Tensor =>
  apply(sourcesOp, [nodesOf('edgeSources', x, adjacency.sources, adjacency), adjacency.rowPointers, adjacency.columns]);

/** What each edge leads to: x `[..., rows, features]` by the row, `[..., edges, features]`; zeros behind the last edge. */
export const edgeTargets = (adjacency: Adjacency, x: Tensor): Tensor =>
  segmentSpread(nodesOf('edgeTargets', x, adjacency.rows, adjacency), adjacency.rowPointers, adjacency.edges);

/** Softmax over the edges that lead to the same node, for scores `[..., edges, heads]`. */
export const edgeSoftmax = (adjacency: Adjacency, scores: Tensor): Tensor =>
  segmentSoftmax(scores, adjacency.rowPointers);

/** Sum of the neighbours' features, without weights. */
export const neighbourSum = ({ values: _, ...structure }: Adjacency, x: Tensor): Tensor =>
  sparseMatmul({ ...structure, values: undefined }, x);

/** Mean of the neighbours' features; 0 without neighbours. */
export const neighbourMean = (adjacency: Adjacency, x: Tensor): Tensor =>
  div(neighbourSum(adjacency, x), segmentCounts(adjacency.rowPointers, adjacency.edges));

/** Largest of the neighbours' features, each by itself; 0 without neighbours. */
export const neighbourMax = (adjacency: Adjacency, x: Tensor): Tensor =>
  segmentMax(edgeSources(adjacency, x), adjacency.rowPointers);
