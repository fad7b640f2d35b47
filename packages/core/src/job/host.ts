import { gather } from '../data/gather.ts';
import type { FieldArray } from '../data/source.ts';
import { UsageError } from '../errors.ts';
import { evaluateSchedule, type Schedule } from '../optim/schedule.ts';
import { sourceFingerprint } from './data-digest.ts';
import { writeField } from './fields.ts';
import type { DataSplits, JobOptions } from './options.ts';
import type { JobHost, JobSpec } from './spec.ts';

interface HostParts {
  readonly spec: JobSpec;
  readonly data: DataSplits;
  readonly schedules: readonly Schedule[];
  readonly scalars: Readonly<Record<string, (step: number) => number>>;
  readonly hostMetrics: NonNullable<JobOptions['hostMetrics']>;
}

/** The closures of a job behind the interface that the engine asks. */
export function createHost({ spec, data, schedules, scalars, hostMetrics }: HostParts): JobHost {
  const sizes = spec.fields.map(({ shape }) => shape.reduce((n, d) => n * d, 1));
  /** The last batch of a stream: all phases of a step train on it, and a stream does not go back. */
  let again: { first: number; values: Fields } | undefined;
  const openable = async (split: 'train' | 'test') => {
    const source = data[split];
    if (!source?.descriptor || source.sequential) return {};
    return { [split]: { descriptor: source.descriptor, digest: await sourceFingerprint(source) } };
  };
  return {
    openable: async () => ({ ...(await openable('train')), ...(await openable('test')) }),
    stepValues(step, losses) {
      return {
        learningRates: schedules.map((schedule) =>
          finite(evaluateSchedule(schedule, step, spec.steps, losses), 'learning rate', step),
        ),
        scalars: spec.scalars.map((name) =>
          finite((scalars[name] as (step: number) => number)(step), `scalar "${name}"`, step),
        ),
      };
    },
    measure(gathered, means) {
      return Object.fromEntries(
        Object.entries(hostMetrics).map(([name, metric]) => [name, measured(name, () => metric(gathered, means))]),
      );
    },
    async fill(split, indices, into) {
      const source = data[split];
      if (!source) throw new UsageError(`The job has no ${split} data.`);
      if (source.sequential && again !== undefined && again.first === indices[0]) {
        for (const [name, values] of Object.entries(again.values)) into[name]?.set(values);
        return;
      }
      if (gather(source, indices, into)) return;
      for (let row = 0; row < indices.length; row++) {
        const index = indices[row] as number;
        let sample = source.sample(index);
        if (sample instanceof Promise) sample = await sample;
        for (let f = 0; f < sizes.length; f++) {
          const { name } = spec.fields[f] as JobSpec['fields'][number];
          const target = into[name];
          if (target)
            writeField(
              target,
              row,
              sizes[f] as number,
              sample[name],
              () => `Sample ${index} of the ${split} data, field "${name}"`,
            );
        }
      }
      if (source.sequential && spec.phases.length > 1) again = { first: indices[0] as number, values: copied(into) };
    },
  };
}

type Fields = Readonly<Record<string, FieldArray>>;

const copied = (fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).map(([name, values]) => [name, values.slice()]));

/** NaN is a value: a mean over nothing. */
function measured(name: string, metric: () => number): number {
  let value: unknown;
  try {
    value = metric();
  } catch (error) {
    throw new UsageError(`hostMetrics.${name} failed: ${(error as Error).message}`);
  }
  if (typeof value === 'number') return value;
  throw new UsageError(
    `hostMetrics.${name} gave ${value instanceof Promise ? 'a promise' : typeof value}, not a number.`,
  );
}

function finite(value: number, what: string, step: number): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw new UsageError(
    `The ${what} of step ${step} is ${String(value)}: schedules and scalars must give finite numbers.`,
  );
}
