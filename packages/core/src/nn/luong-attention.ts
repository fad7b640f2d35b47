import { UsageError } from '../errors.ts';
import type { Size } from '../graph/dim.ts';
import type { Tensor } from '../graph/tensor.ts';
import * as ops from '../ops/index.ts';
import { AdditiveAttention, type PaddingMask } from './additive-attention.ts';
import { Linear } from './layers.ts';
import { Module } from './module.ts';

export interface LuongOptions {
  /** h_t . h_s, h_t . W_a h_s (default), or v_a . tanh(W_a [h_t; h_s]). */
  readonly score?: 'dot' | 'general' | 'concat';
  /**
   * Over all source positions (default); 'local-m': over those at most `window` away from the target's own position; 'local-p': weights times a
   * Gaussian of standard deviation `window` / 2 around a place that is predicted from h_t.
   */
  readonly align?: 'global' | 'local-m' | 'local-p';
  /** D of the local forms. */
  readonly window?: number;
}

/**
 * Attention of Luong et al. 2015: target states h_t `[batch, targets, hidden]` over source states h_s `[batch, sources, hidden]` to
 * tanh(W_c [context; h_t]) `[batch, targets, hidden]`.
 *
 * @throws UsageError where a local form has no whole window of at least 1, or a global one has a window
 */
export class LuongAttention extends Module {
  /** W_a of 'general'. */
  key: Linear | undefined;
  /** W_a and v_a of 'concat'. */
  additive: AdditiveAttention | undefined;
  /** W_p and v_p of 'local-p'. */
  position: Linear | undefined;
  place: Linear | undefined;
  /** W_c */
  combine: Linear;
  readonly #window: number | undefined;

  constructor(hidden: number, { score = 'general', align = 'global', window }: LuongOptions = {}) {
    super();
    const wanted = align === 'global' ? window === undefined : Number.isSafeInteger(window) && (window as number) >= 1;
    if (!wanted)
      throw new UsageError(
        align === 'global'
          ? 'LuongAttention: a window needs align "local-m" or "local-p".'
          : `LuongAttention: ${align} needs a window of at least 1, not ${window}.`,
      );
    const square = () => new Linear(hidden, hidden, { bias: false });
    this.key = score === 'general' ? square() : undefined;
    this.additive = score === 'concat' ? new AdditiveAttention(hidden, hidden, hidden) : undefined;
    this.position = align === 'local-p' ? square() : undefined;
    this.place = align === 'local-p' ? new Linear(hidden, 1, { bias: false }) : undefined;
    this.combine = new Linear(2 * hidden, hidden, { bias: false });
    this.#window = window;
  }

  forward(target: Tensor, source: Tensor, mask: PaddingMask = {}): Tensor {
    const context =
      this.additive || this.position
        ? this.attentionWeights(target, source, mask).matmul(source)
        : ops.scaledDotProductAttention(target, this.#keys(source), source, { ...this.#local(), ...mask, scale: 1 });
    return this.combine.forward(ops.concat([context, target], 2)).tanh();
  }

  /** `[batch, targets, sources]` */
  attentionWeights(target: Tensor, source: Tensor, mask: PaddingMask = {}): Tensor {
    const scores = this.additive
      ? this.additive.scores(target, source)
      : target.matmul(this.#keys(source), { transB: true });
    if (!this.position) return ops.maskedSoftmax(scores, { ...this.#local(), ...mask });
    return ops.maskedSoftmax(scores, mask).mul(this.#nearness(target, source, mask));
  }

  #keys(source: Tensor): Tensor {
    return this.key ? this.key.forward(source) : source;
  }

  #local(): { window?: number } {
    return this.#window === undefined ? {} : { window: this.#window };
  }

  /** exp(-(s - p)^2 / (2 sigma^2)) with p = sources * sigmoid(v_p . tanh(W_p h_t)): `[batch, targets, sources]`. */
  #nearness(target: Tensor, source: Tensor, { keyPaddingMask }: PaddingMask): Tensor {
    const sources = source.shape[1] as number;
    const batch = target.shape[0] as Size;
    const share = (this.place as Linear).forward((this.position as Linear).forward(target).tanh()).sigmoid();
    const length = keyPaddingMask
      ? ops.equal(keyPaddingMask.to('f32'), ops.full([], 0)).sum(1).reshape([batch, 1, 1])
      : sources;
    const places = ops.tensor(
      Float32Array.from({ length: sources }, (_, s) => s),
      { shape: [1, 1, sources] },
    );
    const sigma = (this.#window as number) / 2;
    return places
      .sub(share.mul(length))
      .square()
      .mul(-1 / (2 * sigma * sigma))
      .exp();
  }
}
