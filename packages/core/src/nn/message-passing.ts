import type { Tensor } from '../graph/tensor.ts';
import * as ops from '../ops/index.ts';
import type { Aggregation } from './graph-convolution.ts';
import { Module } from './module.ts';

const reductions = { add: ops.segmentSum, mean: ops.segmentMean, max: ops.segmentMax };

/**
 * Base of graph layers of one's own (Gilmer et al. 2017): `message` says what goes along an edge, `propagate` brings it to the nodes. Layers whose message
 * is the weighted source alone are cheaper with `ops.sparseMatmul`, which makes no tensor of edges.
 */
export abstract class MessagePassing extends Module {
  readonly #aggr: Aggregation;

  constructor(options: { aggr?: Aggregation } = {}) {
    super();
    this.#aggr = options.aggr ?? 'add';
  }

  /** From the features at both ends of each edge, `[..., edges, features]` each; default: the source's. */
  message(source: Tensor, _target: Tensor): Tensor {
    return source;
  }

  /** The messages that reach each node, aggregated: `[..., nodes, features of a message]`. */
  propagate(adjacency: ops.Adjacency, x: Tensor): Tensor {
    const messages = this.message(ops.edgeSources(adjacency, x), ops.edgeTargets(adjacency, x));
    return reductions[this.#aggr](messages, adjacency.rowPointers);
  }
}
