import { DataError, UsageError } from '../errors.ts';
import { batchDim } from '../graph/dim.ts';
import { withTrace } from '../graph/scope.ts';
import { Tensor } from '../graph/tensor.ts';
import { Weighted } from '../loss/weighted.ts';
import { Module, nameModel } from '../nn/module.ts';
import type { Parameter } from '../nn/parameter.ts';
import { gradOrNone } from '../ops/grad.ts';
import { input, scalar } from '../ops/leaf.ts';
import { sum } from '../ops/stretch.ts';
import { buildProgram } from '../program/build.ts';
import { layoutOf, type ParameterLayout } from '../program/layout.ts';
import { numericsVersion, type Program } from '../program/program.ts';
import { deriveKey, pathId } from '../random/keys.ts';
import { RandomStream } from '../random/stream.ts';
import { dataDigest } from './data-digest.ts';
import type { AnyJob, StepContext, StepResult } from './define-job.ts';
import { fieldsOf } from './fields.ts';
import { createHost } from './host.ts';
import type { FieldSpec, JobSpec, TracedJob } from './spec.ts';

/** What the command line or `train(job, options)` sets over the job's own options. */
export interface TraceOverrides {
  readonly seed?: number;
  readonly shards?: number;
  readonly steps?: number;
  readonly epochs?: number;
  readonly data?: string;
  readonly checkpointEvery?: number;
}

/** A constant of the numerics version: V bounds how many threads can help, and must not depend on the machine. */
const defaultShards = 16;

/** Opens the data, builds the model, and turns the job's step into Programs. */
export async function traceJob(job: AnyJob, overrides: TraceOverrides = {}): Promise<TracedJob> {
  const seed = overrides.seed ?? job.seed ?? 0;
  const data = await job.data({ path: overrides.data, seed });
  if (!data?.train) throw new DataError(`The data of job "${job.name}" has no train split: return { train, test }.`);
  for (const split of ['train', 'test'] as const) {
    if (data[split]?.length === 0) {
      throw new DataError(
        `The ${split} data of job "${job.name}" is empty${overrides.data ? ` (${overrides.data})` : ''}: give it at least one sample.`,
      );
    }
  }
  const batch = {
    size: job.batch.size,
    shards: overrides.shards ?? job.batch.shards ?? Math.min(defaultShards, job.batch.size),
  };
  if (batch.shards > batch.size) {
    throw new UsageError(
      `${batch.shards} shards are more than the ${batch.size} samples of a batch of job "${job.name}": use at most ${batch.size}.`,
    );
  }

  const fields = await fieldsOf(data.train);
  const model = job.model({ data });
  if (!(model instanceof Module)) throw new UsageError(`Job "${job.name}": model() must return an nn.Module.`);
  const parameters = nameModel(model);
  if (parameters.length === 0) throw new UsageError(`Job "${job.name}": the model has no parameters to train.`);
  const layout = layoutOf(parameters.map(([name, { shape }]) => ({ name, shape: shape as readonly number[] })));

  const scalarNames = Object.keys(job.scalars ?? {});
  const context = () => ({
    model,
    batch: Object.fromEntries(fields.map((f) => [f.name, input(f.name, [batchDim(), ...f.shape], f.dtype)])),
    scalars: Object.fromEntries(scalarNames.map((name) => [name, scalar(name)])),
  });
  const train = withTrace(true, () => trainProgram(job.step(context()), parameters, job.name));
  const evaluate = withTrace(false, () => statisticsProgram((job.evaluate ?? job.step)(context())));
  const predict = predictProgram(job, context, fields);
  const { spec: optimizer, schedules } = job.optimizer.resolve(
    parameters.map(([name, { shape }]) => ({ name, shape: shape as readonly number[] })),
  );

  const stepsPerEpoch = Math.ceil(data.train.length / batch.size);
  const epochs = overrides.epochs ?? job.epochs;
  const steps =
    overrides.steps ?? (overrides.epochs === undefined ? job.steps : undefined) ?? (epochs ?? 1) * stepsPerEpoch;
  const spec: JobSpec = {
    name: job.name,
    numericsVersion,
    seed,
    batch,
    steps,
    trainLength: data.train.length,
    testLength: data.test?.length ?? 0,
    layout,
    fields,
    scalars: scalarNames,
    train: train.program,
    evaluate: evaluate.program,
    predict,
    predictFields: predict
      ? predict.nodes.filter((n) => n.op === 'input').map((n) => n.attributes.field as string)
      : [],
    metrics: train.metrics,
    evaluateMetrics: evaluate.metrics,
    optimizer,
    clipNorm: job.clipNorm ?? null,
    nonFinite: job.nonFinite ?? 'stop',
    evalEvery: job.evalEvery ?? 0,
    checkpointEvery: overrides.checkpointEvery ?? job.checkpointEvery ?? 0,
    keep: { last: job.keep?.last ?? 3, best: job.keep?.best ?? true },
    dataDigest: await dataDigest(data),
  };
  const host = createHost({ spec, data, schedules, scalars: job.scalars ?? {} });
  return { spec, initialParameters: initialise(parameters, layout, seed), host };
}

interface Statistics {
  readonly metrics: readonly string[];
  readonly statistics: { name: string; tensor: Tensor }[];
}

/** `<name>.sum` and `<name>.weight` of loss and metrics, loss first. */
function statisticsOf(result: StepResult): Statistics {
  if (!result?.loss)
    throw new UsageError('step must return { loss, ... }: per-sample values, e.g. loss.crossEntropy(logits, labels).');
  const metrics = ['loss', ...Object.keys(result).filter((name) => name !== 'loss')];
  const statistics = metrics.flatMap((name) => {
    const value = result[name];
    if (!(value instanceof Tensor) && !(value instanceof Weighted)) {
      throw new UsageError(
        `step: "${name}" must be per-sample values (a Tensor, or from loss or metrics), not ${typeof value}.`,
      );
    }
    const weighted = Weighted.from(value);
    return [
      { name: `${name}.sum`, tensor: sum(weighted.values) },
      { name: `${name}.weight`, tensor: sum(weighted.weightsOrOnes()) },
    ];
  });
  return { metrics, statistics };
}

function statisticsProgram(result: StepResult): { program: Program; metrics: readonly string[] } {
  const { metrics, statistics } = statisticsOf(result);
  return { program: buildProgram({ statistics }), metrics };
}

function trainProgram(
  result: StepResult,
  parameters: readonly [string, Parameter][],
  job: string,
): { program: Program; metrics: readonly string[] } {
  const { metrics, statistics } = statisticsOf(result);
  const parts = gradOrNone(
    Weighted.from(result.loss).values,
    parameters.map(([, parameter]) => parameter),
  );
  const gradients = Object.fromEntries(parameters.flatMap(([name], i) => (parts[i] ? [[name, parts[i]]] : [])));
  if (Object.keys(gradients).length === 0)
    throw new UsageError(`Job "${job}": the loss depends on no parameter of the model.`);
  return { program: buildProgram({ gradients, statistics }), metrics };
}

function predictProgram(job: AnyJob, context: () => StepContext<Module>, fields: readonly FieldSpec[]): Program | null {
  const first = fields[0] as FieldSpec;
  if (job.predict)
    return withTrace(false, () =>
      buildProgram({ outputs: (job.predict as NonNullable<typeof job.predict>)(context()) }),
    );
  try {
    return withTrace(false, () => {
      const { model, batch } = context();
      return buildProgram({ outputs: { output: model.forward(batch[first.name]) as Tensor } });
    });
  } catch {
    // The model does not take the first field alone: such a job has to say what predict means.
    return null;
  }
}

function initialise(parameters: readonly [string, Parameter][], layout: ParameterLayout, seed: number): Float32Array {
  const values = new Float32Array(layout.length);
  const key = deriveKey(seed, 'init', 0, 0, 0);
  parameters.forEach(([name, parameter], i) => {
    const { offset, size } = layout.entries[i] as ParameterLayout['entries'][number];
    parameter.initializer(
      values.subarray(offset, offset + size),
      new RandomStream(key, pathId(name)),
      parameter.shape as readonly number[],
    );
  });
  return values;
}
