import type { Compressor } from './compressor.ts';

/**
 * What compression left out is added to the next vector, so that nothing is lost for good (Karimireddy et al. 2019, "Error Feedback Fixes
 * SignSGD"). The remainder belongs to this sender: with another one the sum is another.
 */
export class ErrorFeedback {
  readonly #compressor: Compressor;
  readonly #remainder: Float32Array;

  constructor(compressor: Compressor, length: number) {
    this.#compressor = compressor;
    this.#remainder = new Float32Array(length);
  }

  /** Changes the vector: it becomes what was sent and what is left together. */
  encode(vector: Float32Array): Uint8Array {
    const remainder = this.#remainder;
    for (let i = 0; i < vector.length; i++) vector[i] = (vector[i] as number) + (remainder[i] as number);
    const bytes = this.#compressor.encode(vector);
    const sent = this.#compressor.decode(bytes);
    for (let i = 0; i < vector.length; i++) remainder[i] = (vector[i] as number) - (sent[i] as number);
    return bytes;
  }
}
