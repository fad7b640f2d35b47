import type { JobSpec } from '@lockstep/core/internal';
import type { TrainingState } from '@lockstep/worker/local';
import type { RunEvent, StartEvent } from '../observe/events.ts';
import { fewRowsWarning } from './few-rows.ts';
import type { EngineRequest } from './request.ts';

export interface Announced {
  readonly spec: JobSpec;
  readonly request: Pick<EngineRequest, 'threads' | 'reduce' | 'out'>;
  readonly state: Pick<TrainingState, 'step'>;
  readonly emit: (event: RunEvent) => void;
  /** What only the engine at hand knows. */
  readonly rest: Pick<StartEvent, 'mode' | 'placement' | 'promise' | 'kernels' | 'memoryBytes' | 'address'>;
  /** What is to be said beside it; undefined = nothing. */
  readonly warnings: readonly (string | undefined)[];
}

/** Says that a run begins, and what might be wrong with it. */
export function announce({ spec, request, state, emit, rest, warnings }: Announced): void {
  emit({
    type: 'start',
    job: spec.name,
    parameters: spec.layout.entries.reduce((n, { size }) => n + size, 0),
    steps: spec.steps,
    fromStep: state.step,
    threads: request.threads,
    batch: spec.batch,
    reduce: request.reduce,
    out: request.out,
    ...rest,
  });
  for (const message of [...warnings, fewRowsWarning(spec)])
    if (message !== undefined) emit({ type: 'warning', message });
}
