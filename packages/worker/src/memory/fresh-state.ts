import type { TrainingState } from './training-state.ts';

/** These parameters, with an optimizer that has seen nothing. */
export const freshState = (parameters: Float32Array, step = 0): TrainingState => ({
  step,
  parameters,
  optimizer: {},
  counters: {},
});
