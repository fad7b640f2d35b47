import { type JobSpec, type OptimizerSpec, stateVectors } from '@lockstep/core/internal';

/** A parameter group of one of the phases. Groups are numbered through over all phases. */
export interface RunGroup {
  readonly phase: number;
  readonly optimizer: OptimizerSpec;
  /** Number within the phase's optimizer. */
  readonly group: number;
}

export const runGroups = ({ phases }: Pick<JobSpec, 'phases'>): RunGroup[] =>
  phases.flatMap(({ optimizer }, phase) => optimizer.groups.map((_, group) => ({ phase, optimizer, group })));

/** The vector of the weights' moving average. */
export const emaVector = 'ema';

/** Flat vectors that a run keeps beside the parameters: what the phases' optimizers need, and the moving average. No two phases share a parameter. */
export function runVectors({ phases, ema }: Pick<JobSpec, 'phases' | 'ema'>): string[] {
  const names = new Set(phases.flatMap(({ optimizer }) => stateVectors(optimizer)));
  if (ema !== null) names.add(emaVector);
  return [...names];
}
