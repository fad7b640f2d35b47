import { nn, ops, type Tensor } from '@lockstep/core';
import { sourceWords, targetWords } from './phrase-grammar.ts';

export interface TranslatorOptions {
  readonly width?: number;
  /** Positions to each side that a word may attend to; default: all. */
  readonly window?: number;
}

/** A transformer after Vaswani et al. 2017, pre-norm: source `[batch, words]` and input `[batch, words]`, both ids with 0 as padding. */
export class Translator extends nn.Module {
  sourceWords: nn.Embedding;
  targetWords: nn.Embedding;
  position: nn.PositionalEncoding;
  encoder: nn.TransformerEncoder;
  decoder: nn.TransformerDecoder;
  head: nn.Linear;
  readonly #window: { window?: number };

  constructor({ width = 64, window }: TranslatorOptions = {}) {
    super();
    const layer = { dimFeedforward: 2 * width, dropout: 0, normFirst: true };
    const init = nn.init.normal(1 / Math.sqrt(width));
    this.sourceWords = new nn.Embedding(sourceWords.length, width, { init });
    this.targetWords = new nn.Embedding(targetWords.length, width, { init });
    this.position = new nn.PositionalEncoding(width);
    this.encoder = new nn.TransformerEncoder(
      () => new nn.TransformerEncoderLayer(width, 4, layer),
      2,
      new nn.LayerNorm(width),
    );
    this.decoder = new nn.TransformerDecoder(
      () => new nn.TransformerDecoderLayer(width, 4, layer),
      2,
      new nn.LayerNorm(width),
    );
    this.head = new nn.Linear(width, targetWords.length);
    this.#window = window === undefined ? {} : { window };
  }

  /** Logits `[batch, words, vocabulary]`. */
  forward(source: Tensor, input: Tensor): Tensor {
    return this.head.forward(this.decoder.forward(...this.#states(source, input)));
  }

  /** How each word of the translation looks at the source in the last layer, mean over heads: `[batch, words, words]`. */
  attention(source: Tensor, input: Tensor): Tensor {
    const weights = this.decoder.attentionWeights(...this.#states(source, input)).at(-1) as Tensor;
    return weights.mean(1);
  }

  #states(source: Tensor, input: Tensor): Parameters<nn.TransformerDecoder['forward']> {
    const keyPaddingMask = ops.equal(source.to('f32'), ops.full([], 0)).to('i32');
    const mask = { keyPaddingMask, ...this.#window };
    const memory = this.encoder.forward(this.position.forward(this.sourceWords.forward(source)), mask);
    const states = this.position.forward(this.targetWords.forward(input));
    return [states, memory, { tgt: this.#window, memory: mask }];
  }
}
