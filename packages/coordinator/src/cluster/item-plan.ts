import type { JobSpec, PhaseSpec, StepValues } from '@lockstep/core/internal';
import type { AgendaItem } from '../engine/agenda.ts';
import type { ItemSpec } from '../sharding/effects.ts';
import type { BatchRequest } from './batch-board.ts';

export type WorkItem = Exclude<AgendaItem, { kind: 'snapshot' }>;

/** An item of the agenda as the cluster sees it. */
export function itemSpec(spec: JobSpec, item: WorkItem, number: number, values: StepValues): ItemSpec {
  const train = item.kind === 'train';
  const program = train ? (spec.phases[item.phase] as PhaseSpec).program : spec.evaluate;
  return {
    item: number,
    kind: item.kind,
    step: item.step,
    phase: train ? item.phase : 0,
    samples: item.samples.length,
    firstSample: item.samples[0] as number,
    learningRates: values.learningRates,
    scalars: values.scalars,
    localSteps: 0,
    resultLength: (train ? spec.layout.length : 0) + program.statistics.length,
    indices: item.samples,
  };
}

export const batchOf = (item: WorkItem, number: number): BatchRequest => ({
  item: number,
  step: item.step,
  test: item.kind === 'evaluate',
  samples: item.samples,
});
