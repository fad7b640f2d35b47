import { deriveKey, type JobSpec, permutationIndex } from '@lockstep/core/internal';

/** Which samples make up a step, computed from the step alone: nothing is remembered, so resuming needs no cursor. */
export class Cursor {
  readonly stepsPerEpoch: number;
  readonly #spec: JobSpec;

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
    const key = deriveKey(seed, 'shuffle', epoch);
    const count = Math.min(batch.size, trainLength - first);
    return Array.from({ length: count }, (_, i) => permutationIndex(trainLength, key, first + i));
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
