import { ShapeError, UsageError } from '../errors.ts';
import { shapeText } from '../graph/dim.ts';
import type { Tensor } from '../graph/tensor.ts';
import * as math from '../math/index.ts';
import * as ops from '../ops/index.ts';
import { Dropout } from './layers.ts';
import { Module } from './module.ts';

/**
 * Sines and cosines of positions 0 .. length - 1 at wavelengths from 2 pi to 10000 * 2 pi (Vaswani et al. 2017, 3.5), row by row: column 2 i
 * is sin(position / 10000^(2 i / width)), column 2 i + 1 the cosine.
 */
export function sinusoids(length: number, width: number): Float32Array {
  if (width % 2 !== 0) throw new UsageError(`sinusoids: width ${width} must be even: each sine has its cosine.`);
  const values = new Float32Array(length * width);
  for (let i = 0; i < width; i += 2) {
    const frequency = math.exp((-i / width) * math.log(10000));
    for (let position = 0; position < length; position++) {
      values[position * width + i] = math.sin(position * frequency);
      values[position * width + i + 1] = math.cos(position * frequency);
    }
  }
  return values;
}

/** Adds `sinusoids` to `[batch, tokens, width]`, then drops. Nothing is learned. */
export class PositionalEncoding extends Module {
  dropout: Dropout;
  readonly #width: number;

  /** @throws UsageError where `width` is odd */
  constructor(width: number, options: { dropout?: number } = {}) {
    super();
    if (width % 2 !== 0) throw new UsageError(`PositionalEncoding: width ${width} must be even.`);
    this.#width = width;
    this.dropout = new Dropout(options.dropout ?? 0);
  }

  forward(x: Tensor): Tensor {
    const [tokens, width] = x.shape.slice(-2);
    if (width !== this.#width || typeof tokens !== 'number')
      throw new ShapeError(`PositionalEncoding: give [batch, tokens, ${this.#width}], not ${shapeText(x.shape)}.`);
    return this.dropout.forward(x.add(ops.tensor(sinusoids(tokens, width), { shape: [tokens, width] })));
  }
}
