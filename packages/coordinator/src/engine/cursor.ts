import { deriveKey, type JobSpec, Permutation } from '@lockstep/core/internal';

/** Which samples make up a step, a function of the step alone, so resuming needs no cursor; the last epoch's order is kept. */
export class Cursor {
  readonly stepsPerEpoch: number;
  readonly #spec: JobSpec;
  #epoch = -1;
  #order: Permutation | undefined;

  constructor(spec: JobSpec) {
    this.#spec = spec;
    this.stepsPerEpoch = Math.ceil(spec.trainLength / spec.batch.size);
  }

  /** Sample indices of step `step` (from 0): the next positions of the epoch's permutation; its last batch may be smaller. */
  trainBatch(step: number): number[] {
    const { trainLength, batch, seed, sequential } = this.#spec;
    if (sequential) return Array.from({ length: batch.size }, (_, i) => step * batch.size + i);
    const epoch = Math.floor(step / this.stepsPerEpoch);
    const first = (step % this.stepsPerEpoch) * batch.size;
    if (!this.#order || epoch !== this.#epoch) {
      this.#order = new Permutation(trainLength, deriveKey(seed, 'shuffle', epoch));
      this.#epoch = epoch;
    }
    const order = this.#order;
    const count = Math.min(batch.size, trainLength - first);
    return Array.from({ length: count }, (_, i) => order.at(first + i));
  }

  endsEpoch(step: number): boolean {
    return (step + 1) % this.stepsPerEpoch === 0;
  }

  /** The test split in its order, batch by batch. */
  testBatches(): number[][] {
    const { testLength, batch } = this.#spec;
    return Array.from({ length: Math.ceil(testLength / batch.size) }, (_, b) =>
      Array.from({ length: Math.min(batch.size, testLength - b * batch.size) }, (_, i) => b * batch.size + i),
    );
  }
}
