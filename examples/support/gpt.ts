import { nn, ops, type Tensor } from '@lockstep/core';

export interface GptOptions {
  readonly vocabulary: number;
  readonly context: number;
  readonly layers: number;
  readonly heads: number;
  readonly width: number;
  readonly dropout?: number;
}

/** Pre-norm transformer block of GPT-2: x + attention(norm x), then x + mlp(norm x). */
class Block extends nn.Module {
  norm1: nn.LayerNorm;
  attention: nn.CausalSelfAttention;
  norm2: nn.LayerNorm;
  expand: nn.Linear;
  project: nn.Linear;
  drop: nn.Dropout;

  constructor({ width, heads, layers, dropout = 0 }: GptOptions) {
    super();
    const init = nn.init.normal(0.02);
    // Residual branches start smaller the more of them add up.
    const projectionInit = nn.init.normal(0.02 / Math.sqrt(2 * layers));
    this.norm1 = new nn.LayerNorm(width, { bias: false });
    this.attention = new nn.CausalSelfAttention(width, heads, { bias: false, dropout, init, projectionInit });
    this.norm2 = new nn.LayerNorm(width, { bias: false });
    this.expand = new nn.Linear(width, 4 * width, { bias: false, init });
    this.project = new nn.Linear(4 * width, width, { bias: false, init: projectionInit });
    this.drop = new nn.Dropout(dropout);
  }

  forward(x: Tensor): Tensor {
    const a = x.add(this.drop.forward(this.attention.forward(this.norm1.forward(x))));
    const hidden = this.expand.forward(this.norm2.forward(a)).gelu();
    return a.add(this.drop.forward(this.project.forward(hidden)));
  }
}

/** A character-level GPT without biases, the output tied to the embedding: `[batch, time]` ids to `[batch, time, vocabulary]` logits. */
export class Gpt extends nn.Module {
  token: nn.Embedding;
  position: nn.Parameter;
  blocks: Block[];
  norm: nn.LayerNorm;
  drop: nn.Dropout;

  constructor(options: GptOptions) {
    super();
    const { vocabulary, context, layers, width, dropout = 0 } = options;
    this.token = new nn.Embedding(vocabulary, width, { init: nn.init.normal(0.02) });
    this.position = new nn.Parameter([context, width], nn.init.normal(0.02));
    this.blocks = Array.from({ length: layers }, () => new Block(options));
    this.norm = new nn.LayerNorm(width, { bias: false });
    this.drop = new nn.Dropout(dropout);
  }

  forward(ids: Tensor): Tensor {
    return ops.linear(this.features(ids), this.token.weight);
  }

  /** What it knows at each position, before that becomes logits: `[batch, time, width]`. */
  features(ids: Tensor): Tensor {
    let x = this.drop.forward(this.token.forward(ids).add(this.position));
    for (const block of this.blocks) x = block.forward(x);
    return this.norm.forward(x);
  }
}
