import type { JobSpec, PhaseSpec, StepValues } from '@lockstep/core/internal';
import { localUpdates } from '@lockstep/worker';
import type { AgendaItem } from '../engine/agenda.ts';
import type { ItemSpec } from '../sharding/effects.ts';
import type { BatchRequest } from './batch-board.ts';
import type { LocalItem } from './local-agenda.ts';

export type WorkItem = Exclude<AgendaItem, { kind: 'snapshot' }> | LocalItem;

/** An item of the agenda as the cluster sees it. @param values of its step, or of each step of a local round */
export function itemSpec(
  spec: JobSpec,
  item: WorkItem,
  number: number,
  values: readonly StepValues[],
  replicas: number,
): ItemSpec {
  const common = {
    item: number,
    kind: item.kind,
    step: item.step,
    learningRates: values.flatMap(({ learningRates }) => learningRates),
    scalars: values.flatMap(({ scalars }) => scalars),
  };
  if (item.kind === 'local') {
    const statistics = localUpdates(spec, item.step, item.batches.length)
      .map(({ phase }) => (spec.phases[phase] as PhaseSpec).program.statistics.length)
      .reduce((a, b) => a + b, 0);
    return {
      ...common,
      phase: 0,
      samples: replicas,
      leaves: replicas,
      firstSample: 0,
      localSteps: item.batches.length,
      stepSamples: item.batches.map(({ length }) => length),
      resultLength: spec.layout.length + statistics,
    };
  }
  const train = item.kind === 'train';
  const program = train ? (spec.phases[item.phase] as PhaseSpec).program : spec.evaluate;
  return {
    ...common,
    phase: train ? item.phase : 0,
    samples: item.samples.length,
    firstSample: item.samples[0] as number,
    localSteps: 0,
    resultLength: (train ? spec.layout.length : 0) + program.statistics.length,
    indices: item.samples,
  };
}

/** The batches of an item: one, or one for each step of a local round. */
export function batchesOf(item: WorkItem, number: number): BatchRequest[] {
  if (item.kind !== 'local')
    return [{ item: number, step: item.step, test: item.kind === 'evaluate', samples: item.samples }];
  return item.batches.map((samples, i) => ({
    item: number,
    step: item.step + i,
    test: false,
    samples,
    localStep: i + 1,
  }));
}
