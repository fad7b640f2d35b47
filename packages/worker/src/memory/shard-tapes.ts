import type { FieldSpec, JobSpec, Program, TapeWriter } from '@lockstep/core/internal';
import type { WorkItem } from '../sharding/thread-work.ts';
import type { ThreadPlaces, ThreadWork } from './places.ts';
import type { PlanCache } from './plan-cache.ts';
import { type Reduction, roundedElements, writeRounding, writeSum } from './rounding.ts';
import type { StateAddresses } from './run-image.ts';
import { emaVector, runVectors } from './run-state.ts';
import { type Slot, sampleBytes, slotWord } from './slot.ts';
import { copyWords } from './tapes.ts';

/** Where a thread computes its shards of a batch, and what it reads. */
export interface ShardPlaces {
  readonly own: Pick<ThreadPlaces, 'context'>;
  readonly work: ThreadWork;
  readonly slot: Pick<Slot, 'header' | 'inputs' | 'scalars' | 'gathered'>;
  readonly state: StateAddresses;
}

/** The thread's part of a batch: forward and backward of its shards, and the tree as far as it reaches among them. */
export function writeShards(
  tape: TapeWriter,
  spec: JobSpec,
  program: Program,
  items: readonly WorkItem[],
  plans: PlanCache,
  { own, work, slot, state }: ShardPlaces,
  reduce: Reduction,
): void {
  const evaluated = program === spec.evaluate;
  const length = (evaluated ? 0 : spec.layout.length) + program.statistics.length;
  const average = evaluated ? state.vectors[runVectors(spec).indexOf(emaVector)] : undefined;
  const rounded = evaluated ? 0 : roundedElements(spec, reduce);
  const buffer = (index: number) => work.buffers[index] as number;
  copyWords(tape, own.context, slot.header + slotWord.key0 * 4, 2);
  for (const item of items) {
    if (item.kind === 'add') {
      writeSum(tape, buffer(item.into), buffer(item.from), { from: 0, to: length }, rounded);
      continue;
    }
    tape.kernel('literal', own.context + 8, 1, item.position);
    const from = (fields: readonly FieldSpec[], addresses: Readonly<Record<string, number>>) =>
      Object.fromEntries(
        fields.map((field) => [field.name, (addresses[field.name] as number) + item.position * sampleBytes(field)]),
      );
    tape.append(
      plans.plan(program, item).encode({
        parameters: average ?? state.parameters,
        inputs: from(spec.fields, slot.inputs),
        scalars: slot.scalars,
        context: own.context,
        scratch: work.scratch,
        arena: work.arena,
        results: item.buffers.map(buffer),
        outputs: evaluated ? from(spec.gathered, slot.gathered) : {},
      }),
    );
    for (const index of item.buffers) writeRounding(tape, buffer(index), rounded);
  }
}
