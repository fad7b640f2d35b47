import { nn, ops, type Tensor } from '@lockstep/core';

export interface GptSize {
  readonly vocabulary: number;
  readonly context: number;
  readonly layers: number;
  readonly heads: number;
  readonly width: number;
}

const init = nn.init.normal(0.02);
const linear = (inside: number, outside: number) => new nn.Linear(inside, outside, { bias: false, init });

/** Pre-norm transformer block; query, key and value come from one product, as in nanoGPT, and attention is one kernel. */
class Block extends nn.Module {
  norm1: nn.LayerNorm;
  qkv: nn.Linear;
  project: nn.Linear;
  norm2: nn.LayerNorm;
  expand: nn.Linear;
  contract: nn.Linear;
  readonly #heads: number;

  constructor({ width, heads }: GptSize) {
    super();
    this.norm1 = new nn.LayerNorm(width, { bias: false });
    this.qkv = linear(width, 3 * width);
    this.project = linear(width, width);
    this.norm2 = new nn.LayerNorm(width, { bias: false });
    this.expand = linear(width, 4 * width);
    this.contract = linear(4 * width, width);
    this.#heads = heads;
  }

  forward(x: Tensor): Tensor {
    const qkv = this.qkv.forward(this.norm1.forward(x));
    const a = x.add(this.project.forward(ops.multiHeadSelfAttention(qkv, this.#heads, { causal: true })));
    return a.add(this.contract.forward(this.expand.forward(this.norm2.forward(a)).gelu()));
  }
}

/** A character-level GPT without biases, the output tied to the embedding: `[batch, time]` ids to `[batch, time, vocabulary]` logits. */
export class Gpt extends nn.Module {
  token: nn.Embedding;
  position: nn.Parameter;
  blocks: Block[];
  norm: nn.LayerNorm;

  constructor(size: GptSize) {
    super();
    this.token = new nn.Embedding(size.vocabulary, size.width, { init });
    this.position = new nn.Parameter([size.context, size.width], init);
    this.blocks = Array.from({ length: size.layers }, () => new Block(size));
    this.norm = new nn.LayerNorm(size.width, { bias: false });
  }

  forward(ids: Tensor): Tensor {
    let x = this.token.forward(ids).add(this.position);
    for (const block of this.blocks) x = block.forward(x);
    return ops.linear(this.norm.forward(x), this.token.weight);
  }
}
