import { freshGroupState, type JobSpec } from '@lockstep/core/internal';
import type { StateAddresses } from './run-image.ts';
import { emaVector, runVectors } from './run-state.ts';
import type { TrainingState } from './training-state.ts';

/** Where a state lies in shared memory, as arrays. */
export interface StateView {
  readonly parameters: Float32Array;
  /** Optimizer vectors and moving average by name; one that is not kept here is absent. */
  readonly vectors: Readonly<Record<string, Float32Array>>;
  /** Of each group: updates, and the powers of its rates. */
  readonly groups: readonly Float64Array[];
}

export function viewState(buffer: ArrayBufferLike, spec: JobSpec, at: StateAddresses): StateView {
  const vector = (address: number) => new Float32Array(buffer, address, spec.layout.length);
  const kept = runVectors(spec).flatMap((name, i) => (at.vectors[i] === 0 ? [] : [[name, at.vectors[i] as number]]));
  return {
    parameters: vector(at.parameters),
    vectors: Object.fromEntries(kept.map(([name, address]) => [name, vector(address as number)])),
    groups: at.groups.map((address) => new Float64Array(buffer, address, 3)),
  };
}

export function writeState({ parameters, vectors, groups }: StateView, state: TrainingState): void {
  parameters.set(state.parameters);
  for (const [name, vector] of Object.entries(vectors)) {
    const values = state.optimizer[name] ?? (name === emaVector ? state.parameters : undefined);
    if (values) vector.set(values);
    else vector.fill(0);
  }
  groups.forEach((group, g) => {
    group.set(state.counters[`group.${g}`] ?? freshGroupState);
  });
}

/** The state where it lies. */
export const stateIn = ({ parameters, vectors, groups }: StateView, step: number): TrainingState => ({
  step,
  parameters,
  optimizer: vectors,
  counters: Object.fromEntries(groups.map((group, g) => [`group.${g}`, [...group]])),
});

/** Copies. */
export const readState = (view: StateView, step: number): TrainingState => ({
  ...stateIn(view, step),
  parameters: view.parameters.slice(),
  optimizer: Object.fromEntries(Object.entries(view.vectors).map(([name, vector]) => [name, vector.slice()])),
});
