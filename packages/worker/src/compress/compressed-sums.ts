import type { ParameterLayout } from '@lockstep/core/internal';
import { decodeVector, encodeVector, trainedLayout } from './compressed-vector.ts';
import { type Compression, type Compressor, createCompressor } from './compressor.ts';
import { ErrorFeedback } from './error-feedback.ts';

/** A result vector, gradient sums then statistics, made small. One for each sender: it remembers what it left out. */
export class SumsEncoder {
  readonly #trained: number;
  readonly #feedback: ErrorFeedback;

  constructor(compression: Compression, layout: ParameterLayout) {
    this.#trained = layout.trained;
    this.#feedback = new ErrorFeedback(createCompressor(compression, trainedLayout(layout)), layout.trained);
  }

  /** The vector stays as it is. */
  encode(values: Float32Array): Uint8Array {
    return encodeVector(values, this.#trained, (part) => this.#feedback.encode(part));
  }
}

export class SumsDecoder {
  readonly #trained: number;
  readonly #compressor: Compressor;

  constructor(compression: Compression, layout: ParameterLayout) {
    this.#trained = layout.trained;
    this.#compressor = createCompressor(compression, trainedLayout(layout));
  }

  /** @param into its length is that of the vector that was encoded. @throws FormatError */
  decode(bytes: Uint8Array, into: Float32Array): void {
    decodeVector(bytes, this.#trained, into, (body) => this.#compressor.decode(body));
  }
}
