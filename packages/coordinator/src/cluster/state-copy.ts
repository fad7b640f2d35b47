import type { JobSpec } from '@lockstep/core/internal';
import { runGroups, runVectors, type StateView, type TrainingState, writeState } from '@lockstep/worker';

/** A state in arrays of its own, laid out as that of a replica. */
export function stateArrays(spec: JobSpec, state: TrainingState): StateView {
  const { length } = spec.layout;
  const arrays: StateView = {
    parameters: new Float32Array(length),
    vectors: Object.fromEntries(runVectors(spec).map((name) => [name, new Float32Array(length)])),
    groups: runGroups(spec).map(() => new Float64Array(3)),
  };
  writeState(arrays, state);
  return arrays;
}
