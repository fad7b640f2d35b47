import type { JobSpec } from '@lockstep/core/internal';
import { type AgendaControl, type AgendaItem, evaluation, evaluationDue } from '../engine/agenda.ts';
import type { Cursor } from '../engine/cursor.ts';

/** Some steps that every replica takes on its own. */
export interface LocalItem {
  readonly kind: 'local';
  /** Finished steps before it. */
  readonly step: number;
  /** Samples of each step's whole batch. */
  readonly batches: readonly (readonly number[])[];
}

/** Rounds of local training. There are common weights only between them, so evaluations and copies wait for the end of a round. */
export function* localAgenda(
  spec: JobSpec,
  cursor: Cursor,
  fromStep: number,
  localSteps: number,
  control: AgendaControl,
): Generator<Exclude<AgendaItem, { kind: 'train' }> | LocalItem> {
  let step = fromStep;
  let evaluatedAt = -1;
  while (step < spec.steps && !control.stopping(step)) {
    const count = Math.min(localSteps, spec.steps - step);
    yield { kind: 'local', step, batches: Array.from({ length: count }, (_, i) => cursor.trainBatch(step + i)) };
    const within = Array.from({ length: count }, (_, i) => step + i + 1);
    const endOfEpoch = within.some((at) => cursor.endsEpoch(at - 1));
    const due =
      spec.checkpointEvery > 0
        ? within.some((at) => at % spec.checkpointEvery === 0)
        : control.checkpointDue(endOfEpoch);
    step += count;
    if (within.some((at) => evaluationDue(spec, cursor, at))) {
      yield* evaluation(cursor, step);
      evaluatedAt = step;
    }
    if (due && step < spec.steps) yield { kind: 'snapshot', step, final: false };
  }
  if (step === spec.steps && evaluatedAt !== step) yield* evaluation(cursor, step);
  yield { kind: 'snapshot', step, final: true };
}
