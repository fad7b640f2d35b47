import type { Tensor } from '../graph/tensor.ts';
import * as ops from '../ops/index.ts';
import { xavierUniform, zeros } from './init.ts';
import { Linear } from './layers.ts';
import { Module } from './module.ts';
import { Parameter } from './parameter.ts';

export interface GATConvOptions {
  /** Default 1. */
  readonly heads?: number;
  /** Puts the heads side by side, `heads * out` features (default); else their mean, `out`. */
  readonly concat?: boolean;
  /** Of the LeakyReLU before the softmax; default 0.2. */
  readonly negativeSlope?: number;
  /** Of the attention weights while training; default 0. */
  readonly dropout?: number;
  /** Every node hears itself too; default true. */
  readonly addSelfLoops?: boolean;
  readonly bias?: boolean;
}

/**
 * Graph attention (Velickovic et al. 2018): each head weighs the neighbours of a node by softmax(LeakyReLU(a_src . W x_j + a_dst . W x_i)). `[..., nodes, in]`
 * to `[..., nodes, heads * out]`. As PyTorch Geometric's GATConv; weights of edges are not looked at.
 */
export class GATConv extends Module {
  lin: Linear;
  attSrc: Parameter;
  attDst: Parameter;
  bias: Parameter | undefined;
  readonly #options: Required<Omit<GATConvOptions, 'bias'>>;

  constructor(inChannels: number, outChannels: number, options: GATConvOptions = {}) {
    super();
    const { heads = 1, concat = true, negativeSlope = 0.2, dropout = 0, addSelfLoops = true } = options;
    this.#options = { heads, concat, negativeSlope, dropout, addSelfLoops };
    const width = heads * outChannels;
    this.lin = new Linear(inChannels, width, { bias: false, init: xavierUniform() });
    this.attSrc = new Parameter([heads, outChannels], xavierUniform());
    this.attDst = new Parameter([heads, outChannels], xavierUniform());
    this.bias = options.bias === false ? undefined : new Parameter([concat ? width : outChannels], zeros);
  }

  forward(x: Tensor, adjacency: ops.Adjacency): Tensor {
    const { heads, concat, negativeSlope, dropout, addSelfLoops } = this.#options;
    const graph = addSelfLoops ? ops.withSelfLoops(adjacency) : adjacency;
    const own = this.lin.forward(x);
    const parts = own.reshape([...own.shape.slice(0, -1), heads, -1]);
    const [from, to] = [parts.mul(this.attSrc).sum(-1), parts.mul(this.attDst).sum(-1)];
    const scores = ops.leakyRelu(ops.edgeSources(graph, from).add(ops.edgeTargets(graph, to)), negativeSlope);
    const weights = ops.dropout(ops.edgeSoftmax(graph, scores), dropout);
    const heard = ops.sparseMatmul(graph, own, weights);
    const y = concat ? heard : heard.reshape(parts.shape).mean(-2);
    return this.bias ? y.add(this.bias) : y;
  }
}
