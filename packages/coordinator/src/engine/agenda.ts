import { type JobSpec, UsageError } from '@lockstep/core/internal';
import type { Cursor } from './cursor.ts';

/** What goes into one slot of the ring. */
export type AgendaItem =
  | {
      readonly kind: 'train';
      readonly step: number;
      readonly phase: number;
      /** Whether the step is complete with it. */
      readonly last: boolean;
      readonly samples: readonly number[];
    }
  | { readonly kind: 'evaluate'; readonly step: number; readonly samples: readonly number[]; readonly last: boolean }
  | { readonly kind: 'snapshot'; readonly step: number; readonly final: boolean };

export interface AgendaControl {
  /** Asked before every step: end here, at a step boundary. */
  stopping(step: number): boolean;
  /** Asked after every step where the job does not say when to write checkpoints. */
  checkpointDue(endOfEpoch: boolean): boolean;
}

/** The order of a run: steps, evaluations and snapshots between them, a last snapshot at the end. `step` counts finished steps. */
export function* agenda(
  spec: JobSpec,
  cursor: Cursor,
  fromStep: number,
  control: AgendaControl,
): Generator<AgendaItem> {
  let step = fromStep;
  let evaluatedAt = -1;
  while (step < spec.steps && !control.stopping(step)) {
    const phases = [...spec.phases.keys()].filter((phase) => step % (spec.phases[phase]?.every ?? 1) === 0);
    const samples = cursor.trainBatch(step);
    for (const phase of phases) yield { kind: 'train', step, phase, last: phase === phases.at(-1), samples };
    const endOfEpoch = cursor.endsEpoch(step);
    step++;
    if (evaluationDue(spec, cursor, step)) {
      yield* evaluation(cursor, step);
      evaluatedAt = step;
    }
    const due = spec.checkpointEvery > 0 ? step % spec.checkpointEvery === 0 : control.checkpointDue(endOfEpoch);
    if (due && step < spec.steps) yield { kind: 'snapshot', step, final: false };
  }
  if (step === spec.steps && evaluatedAt !== step) yield* evaluation(cursor, step);
  yield { kind: 'snapshot', step, final: true };
}

/** Whether the run evaluates after so many steps, however long it is; one more evaluation may come at its end. */
export const evaluationDue = (spec: Pick<JobSpec, 'evalEvery'>, cursor: Cursor, step: number): boolean =>
  spec.evalEvery > 0 ? step % spec.evalEvery === 0 : step > 0 && cursor.endsEpoch(step - 1);

/** The test split with the weights as they are. @throws UsageError where there is none */
export function* evaluationOnly(spec: JobSpec, cursor: Cursor): Generator<AgendaItem> {
  if (spec.testLength === 0)
    throw new UsageError(`Job "${spec.name}" has no test data: let data() return { train, test }.`);
  yield* evaluation(cursor, 0);
  yield { kind: 'snapshot', step: 0, final: true };
}

/** The test split, batch by batch, with the weights after so many steps. */
export function* evaluation(cursor: Cursor, step: number): Generator<Extract<AgendaItem, { kind: 'evaluate' }>> {
  const batches = cursor.testBatches();
  for (const [i, samples] of batches.entries()) {
    yield { kind: 'evaluate', step, samples, last: i === batches.length - 1 };
  }
}
