import { type FieldSpec, type JobSpec, type Program, TapeWriter } from '@lockstep/core/internal';
import type { WorkItem } from '../sharding/thread-work.ts';
import type { ThreadPlaces, ThreadWork } from './places.ts';
import type { PlanCache, WorkRun } from './plan-cache.ts';
import { type Reduction, roundedElements, writeRounding, writeSum } from './rounding.ts';
import type { StateAddresses } from './run-image.ts';
import { emaVector, runVectors } from './run-state.ts';
import { type Slot, sampleBytes, slotWord } from './slot.ts';
import { oneStage, type Stage, stageEnds } from './stages.ts';
import { copyWords } from './tapes.ts';

/** Where a thread computes its shards of a batch, and what it reads. */
export interface ShardPlaces {
  readonly own: Pick<ThreadPlaces, 'context'>;
  readonly work: ThreadWork;
  readonly slot: Pick<Slot, 'header' | 'inputs' | 'scalars' | 'gathered'>;
  readonly state: StateAddresses;
}

/** What is computed, and how. */
export interface ShardWork {
  readonly program: Program;
  readonly items: readonly WorkItem[];
  readonly plans: PlanCache;
  readonly reduce: Reduction;
  /** Parts of the result that are wanted one after the other; default: all at once. */
  readonly stages?: readonly Stage[];
}

/**
 * The thread's part of a batch: forward and backward of its shards, and the tree as far as it reaches among them. One tape for each stage: with its
 * end the stage's slices of all result vectors are final.
 */
export function shardTapes(
  spec: JobSpec,
  { program, items, plans, reduce, stages }: ShardWork,
  { own, work, slot, state }: ShardPlaces,
): Uint32Array[] {
  const evaluated = program === spec.evaluate;
  const length = (evaluated ? 0 : spec.layout.length) + program.statistics.length;
  const average = evaluated ? state.vectors[runVectors(spec).indexOf(emaVector)] : undefined;
  const rounded = evaluated ? 0 : roundedElements(spec, reduce);
  const buffer = (index: number) => work.buffers[index] as number;
  const all = oneStage(length);
  const lastRun = items.findLastIndex(({ kind }) => kind === 'run');

  const sum = (tape: TapeWriter, { into, from }: Extract<WorkItem, { kind: 'add' }>, { slices }: Stage) => {
    for (const slice of slices) writeSum(tape, buffer(into), buffer(from), slice, rounded);
  };
  const run = (tapes: readonly TapeWriter[], item: WorkRun, parts: readonly Stage[]) => {
    const plan = plans.plan(program, item);
    const from = (fields: readonly FieldSpec[], addresses: Readonly<Record<string, number>>) =>
      Object.fromEntries(
        fields.map((field) => [field.name, (addresses[field.name] as number) + item.position * sampleBytes(field)]),
      );
    const addresses = {
      parameters: average ?? state.parameters,
      inputs: from(spec.fields, slot.inputs),
      scalars: slot.scalars,
      context: own.context,
      scratch: work.scratch,
      arena: work.arena,
      results: item.buffers.map(buffer),
      outputs: evaluated ? from(spec.gathered, slot.gathered) : {},
    };
    let step = 0;
    stageEnds(parts, plan).forEach((to, k) => {
      const tape = tapes[k] as TapeWriter;
      if (k === 0) tape.kernel('literal', own.context + 8, 1, item.position);
      tape.append(plan.encode(addresses, { from: step, to }));
      step = to;
      for (const index of item.buffers) {
        for (const slice of (parts[k] as Stage).slices) writeRounding(tape, buffer(index), slice, rounded);
      }
    });
  };

  const tapes = (stages ?? all).map(() => new TapeWriter());
  const [first] = tapes as [TapeWriter];
  copyWords(first, own.context, slot.header + slotWord.key0 * 4, 2);
  items.forEach((item, i) => {
    if (i < lastRun) {
      if (item.kind === 'run') run([first], item, all);
      else sum(first, item, all[0] as Stage);
    } else if (item.kind === 'run') run(tapes, item, stages ?? all);
    else tapes.forEach((tape, k) => void sum(tape, item, (stages ?? all)[k] as Stage));
  });
  return tapes.map((tape) => tape.finish());
}
