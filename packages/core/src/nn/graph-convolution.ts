import { ShapeError } from '../errors.ts';
import type { Tensor } from '../graph/tensor.ts';
import * as ops from '../ops/index.ts';
import { gcnNorm } from './gcn-norm.ts';
import { xavierUniform, zeros } from './init.ts';
import { Linear } from './layers.ts';
import { Module } from './module.ts';
import { Parameter } from './parameter.ts';

/**
 * Graph convolution of Kipf and Welling (2017), D^-1/2 (A + I) D^-1/2 X W^T + b: `[..., nodes, in]` to `[..., nodes, out]`. Nodes without a
 * self loop get one of weight 1 (`addSelfLoops`); `normalize: false` takes the adjacency as it is. As PyTorch Geometric's GCNConv.
 */
export class GCNConv extends Module {
  lin: Linear;
  bias: Parameter | undefined;
  readonly #normalize: boolean;
  readonly #addSelfLoops: boolean;

  constructor(
    inChannels: number,
    outChannels: number,
    options: { bias?: boolean; normalize?: boolean; addSelfLoops?: boolean } = {},
  ) {
    super();
    this.#normalize = options.normalize ?? true;
    this.#addSelfLoops = options.addSelfLoops ?? this.#normalize;
    if (this.#addSelfLoops && !this.#normalize)
      throw new ShapeError('GCNConv: addSelfLoops needs normalize; without it give the adjacency its self loops.');
    this.lin = new Linear(inChannels, outChannels, { bias: false, init: xavierUniform() });
    this.bias = options.bias === false ? undefined : new Parameter([outChannels], zeros);
  }

  forward(x: Tensor, adjacency: ops.Adjacency): Tensor {
    const own = this.lin.forward(x);
    const { edges, loops } = this.#normalize
      ? gcnNorm(adjacency, this.#addSelfLoops)
      : { edges: adjacency.values, loops: undefined };
    const heard = ops.sparseMatmul(adjacency, own, edges);
    const y = loops ? heard.add(own.mul(loops)) : heard;
    return this.bias ? y.add(this.bias) : y;
  }
}

/** LightGCN's layer (He et al. 2020): D^-1/2 A D^-1/2 X, nothing to learn. As PyTorch Geometric's LGConv. */
export class LGConv extends Module {
  forward(x: Tensor, adjacency: ops.Adjacency): Tensor {
    return ops.sparseMatmul(adjacency, x, gcnNorm(adjacency, false).edges);
  }
}

/**
 * Personalised propagation (Gasteiger et al. 2019), nothing to learn: k times y = (1 - alpha) A y + alpha x, where A is normalised as in GCNConv. As
 * PyTorch Geometric's APPNP.
 */
export class APPNP extends Module {
  readonly #k: number;
  readonly #alpha: number;
  readonly #addSelfLoops: boolean;

  constructor(k: number, alpha: number, options: { addSelfLoops?: boolean } = {}) {
    super();
    if (!Number.isInteger(k) || k < 1 || !(alpha >= 0 && alpha <= 1))
      throw new RangeError(`APPNP: k must be a whole number of at least 1 and alpha in [0, 1], not ${k} and ${alpha}.`);
    this.#k = k;
    this.#alpha = alpha;
    this.#addSelfLoops = options.addSelfLoops ?? true;
  }

  forward(x: Tensor, adjacency: ops.Adjacency): Tensor {
    const { edges, loops } = gcnNorm(adjacency, this.#addSelfLoops);
    const start = x.mul(this.#alpha);
    let y = x;
    for (let i = 0; i < this.#k; i++) {
      const heard = ops.sparseMatmul(adjacency, y, edges);
      y = (loops ? heard.add(y.mul(loops)) : heard).mul(1 - this.#alpha).add(start);
    }
    return y;
  }
}

/** Sum, mean or maximum over a node's neighbours, by PyTorch Geometric's names. */
export type Aggregation = 'add' | 'mean' | 'max';

const neighbours = { add: ops.neighbourSum, mean: ops.neighbourMean, max: ops.neighbourMax };

/**
 * GraphSAGE (Hamilton et al. 2017): W1 aggregate(neighbours) + b + W2 x, `[..., nodes, in]` to `[..., nodes, out]`. `normalize` scales each node
 * to length 1. As PyTorch Geometric's SAGEConv: `linL` for the neighbours, `linR` for the node itself.
 */
export class SAGEConv extends Module {
  linL: Linear;
  linR: Linear | undefined;
  readonly #aggr: Aggregation;
  readonly #normalize: boolean;

  constructor(
    inChannels: number,
    outChannels: number,
    options: { aggr?: Aggregation; normalize?: boolean; rootWeight?: boolean; bias?: boolean } = {},
  ) {
    super();
    this.#aggr = options.aggr ?? 'mean';
    this.#normalize = options.normalize ?? false;
    this.linL = new Linear(inChannels, outChannels, { bias: options.bias !== false });
    this.linR = options.rootWeight === false ? undefined : new Linear(inChannels, outChannels, { bias: false });
  }

  forward(x: Tensor, adjacency: ops.Adjacency): Tensor {
    const heard = this.linL.forward(neighbours[this.#aggr](adjacency, x));
    const y = this.linR ? heard.add(this.linR.forward(x)) : heard;
    if (!this.#normalize) return y;
    // From the square, so that a node of zeros has a gradient.
    return y.mul(ops.rsqrt(ops.maximum(y.square().sum(-1, true), ops.full([], 1e-24))));
  }
}

/** Graph isomorphism layer (Xu et al. 2019): net((1 + eps) x + sum of the neighbours). */
export class GINConv extends Module {
  net: { forward(x: Tensor): Tensor };
  eps: Parameter | undefined;
  readonly #eps: number;

  constructor(net: { forward(x: Tensor): Tensor }, options: { eps?: number; trainEps?: boolean } = {}) {
    super();
    this.net = net;
    this.#eps = options.eps ?? 0;
    this.eps = options.trainEps ? new Parameter([1], (values) => void values.fill(this.#eps)) : undefined;
  }

  forward(x: Tensor, adjacency: ops.Adjacency): Tensor {
    const own = this.eps ? x.add(x.mul(this.eps)) : x.mul(1 + this.#eps);
    return this.net.forward(own.add(ops.neighbourSum(adjacency, x)));
  }
}
