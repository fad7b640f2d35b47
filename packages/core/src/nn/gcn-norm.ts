import type { Tensor } from '../graph/tensor.ts';
import * as ops from '../ops/index.ts';

/** Weights of D^-1/2 (A + I) D^-1/2: of the edges that are there, and of the self loops that are added. */
export interface GcnNorm {
  /** `[..., edges]` */
  readonly edges: Tensor;
  /** `[..., nodes, 1]`: 0 at nodes that have a self loop of their own; undefined where none are added. */
  readonly loops: Tensor | undefined;
}

const known = new WeakMap<ops.Adjacency, Map<boolean, GcnNorm>>();

/** The normalised adjacency of Kipf and Welling (2017), made once for all layers that are given the same adjacency. */
export function gcnNorm(adjacency: ops.Adjacency, addSelfLoops: boolean): GcnNorm {
  const norms = known.get(adjacency) ?? new Map<boolean, GcnNorm>();
  const norm = norms.get(addSelfLoops) ?? normalise(adjacency, addSelfLoops);
  known.set(adjacency, norms.set(addSelfLoops, norm));
  return norm;
}

function normalise(adjacency: ops.Adjacency, addSelfLoops: boolean): GcnNorm {
  const { rowPointers, columns } = adjacency;
  const weights = column(adjacency.values ?? ops.ones(columns.shape));
  const missing = addSelfLoops ? column(ops.missingLoops(adjacency)) : undefined;
  const sum = ops.segmentSum(weights, rowPointers);
  const degree = missing ? sum.add(missing) : sum;
  // An isolated node weighs nothing instead of dividing by zero.
  const isolated = ops.equal(degree, ops.zeros([]));
  const scale = ops.rsqrt(degree.add(isolated)).mul(isolated.neg().add(1));
  const edges = ops.edgeTargets(adjacency, scale).mul(weights).mul(ops.edgeSources(adjacency, scale));
  return { edges: edges.reshape(columns.shape), loops: missing?.mul(scale).mul(scale) };
}

const column = (x: Tensor): Tensor => x.reshape([...x.shape, 1]);
