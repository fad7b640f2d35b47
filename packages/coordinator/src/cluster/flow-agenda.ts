import type { JobSpec } from '@lockstep/core/internal';
import { type AgendaControl, type AgendaItem, evaluation, evaluationDue } from '../engine/agenda.ts';
import type { Cursor } from '../engine/cursor.ts';

/** A batch, and the step whose samples it is made of. */
export interface FlowBatch {
  readonly step: number;
  readonly samples: readonly number[];
}

/** Steps up to the next evaluation or copy. Their updates are applied as they come, so all of them are of one kind. */
export interface FlowItem {
  readonly kind: 'flow';
  /** Finished steps before it. */
  readonly step: number;
  /** The next batch; undefined: what was given out is to be finished first. It gives one at least. */
  take(): FlowBatch | undefined;
}

/**
 * The order of a run where updates are applied as they come. Whatever needs the weights of one step, an evaluation or a copy, waits until every
 * batch that was given out has been applied: then these are the weights after exactly the first so many batches.
 */
export function* flowAgenda(
  spec: JobSpec,
  cursor: Cursor,
  fromStep: number,
  control: AgendaControl,
): Generator<Exclude<AgendaItem, { kind: 'train' }> | FlowItem> {
  let step = fromStep;
  let evaluatedAt = -1;
  while (step < spec.steps && !control.stopping(step)) {
    let copyDue = false;
    let over = false;
    const take = (): FlowBatch | undefined => {
      if (over) return undefined;
      const batch = { step, samples: cursor.trainBatch(step) };
      const endOfEpoch = cursor.endsEpoch(step);
      step++;
      copyDue = spec.checkpointEvery > 0 ? step % spec.checkpointEvery === 0 : control.checkpointDue(endOfEpoch);
      over = copyDue || step === spec.steps || evaluationDue(spec, cursor, step) || control.stopping(step);
      return batch;
    };
    yield { kind: 'flow', step, take };
    if (evaluationDue(spec, cursor, step)) {
      yield* evaluation(cursor, step);
      evaluatedAt = step;
    }
    if (copyDue && step < spec.steps) yield { kind: 'snapshot', step, final: false };
  }
  if (step === spec.steps && evaluatedAt !== step) yield* evaluation(cursor, step);
  yield { kind: 'snapshot', step, final: true };
}
