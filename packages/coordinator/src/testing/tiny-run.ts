import type { TrainingState } from '@lockstep/worker';
import type { ModelDescription } from '../checkpoint/encode.ts';
import type { RunIdentity } from '../checkpoint/state.ts';

/** A run small enough to be written and read thousands of times. */
export const layout = {
  entries: [
    { name: 'w', shape: [2, 3], offset: 0, size: 6 },
    { name: 'b', shape: [3], offset: 16, size: 3 },
  ],
  trained: 32,
  length: 32,
};
export const model: ModelDescription = {
  name: 'job',
  numericsVersion: 2,
  layout,
  fields: [],
  predict: null,
  predictFields: [],
};
export const identity: RunIdentity = {
  name: 'job',
  numericsVersion: 2,
  seed: 1,
  batch: { size: 4, shards: 2 },
  reduce: 'f32',
  dataDigest: 'd',
  program: 'p',
};

export function stateAt(step: number): TrainingState {
  const vector = (salt: number) => {
    const values = new Float32Array(layout.length);
    for (const { offset, size } of layout.entries)
      for (let i = 0; i < size; i++) values[offset + i] = step + (i + salt) / 7;
    return values;
  };
  return {
    step,
    parameters: vector(0),
    optimizer: { exp_avg: vector(1), exp_avg_sq: vector(2) },
    counters: { 'group.0': [step, 0.9 ** step, 0.1 + 0.2] },
  };
}
