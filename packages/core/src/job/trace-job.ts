import { DataError, UsageError } from '../errors.ts';
import { batchDim } from '../graph/dim.ts';
import { withTrace } from '../graph/scope.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { ModelTensor } from '../nn/model-tensor.ts';
import { Module, nameModel } from '../nn/module.ts';
import type { Parameter } from '../nn/parameter.ts';
import { input, scalar } from '../ops/leaf.ts';
import { type ParameterInfo, takes } from '../optim/optimizers.ts';
import { followsEvaluations, type Schedule } from '../optim/schedule.ts';
import { buildProgram } from '../program/build.ts';
import { layoutOf, type ParameterLayout } from '../program/layout.ts';
import { numericsVersion, type Program } from '../program/program.ts';
import { type Fill, kernelFill } from '../random/kernel-fill.ts';
import { deriveKey, pathId } from '../random/keys.ts';
import { RandomStream } from '../random/stream.ts';
import { dataDigest } from './data-digest.ts';
import type { AnyJob } from './define-job.ts';
import { fieldsOf } from './fields.ts';
import { createHost } from './host.ts';
import type { Penalty, PhaseOptions, StepContext, StepResult, UpdateOptions } from './options.ts';
import type { EarlyStoppingSpec, FieldSpec, JobSpec, PenaltySpec, PhaseSpec, TracedJob } from './spec.ts';
import { gatheredTensors } from './trace-gather.ts';
import { evaluateProgram, phaseProgram } from './trace-phase.ts';

/** What the command line or `train(job, options)` sets over the job's own options. */
export interface TraceOverrides {
  readonly seed?: number;
  readonly shards?: number;
  readonly steps?: number;
  readonly epochs?: number;
  readonly data?: string;
  readonly checkpointEvery?: number;
}

/**
 * Constants of the numerics version: V bounds how many threads can help, and must not depend on the machine. A layer that normalises over
 * its shard wants 16 samples in one.
 */
function defaultShards(model: Module, batch: number): number {
  return mixesSamples(model) ? Math.max(1, Math.floor(batch / 16)) : Math.min(16, batch);
}

/** A stream goes on for longer than anybody trains. */
const endlessSteps = 2 ** 30;

const mixesSamples = (model: Module): boolean =>
  [...model.namedModules()].some(([, module]) => module.mixesSamples === true);

/**
 * Opens the data, builds the model, and turns the job's step into Programs.
 *
 * @param kernels compiled, to draw the initial weights with: the same numbers several times as fast
 */
export async function traceJob(
  job: AnyJob,
  overrides: TraceOverrides = {},
  kernels?: WebAssembly.Module,
): Promise<TracedJob> {
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
  if (data.test?.sequential)
    throw new UsageError(`The test data of job "${job.name}" is a stream: an evaluation needs a source with a length.`);
  if (
    data.train.sequential &&
    (overrides.epochs ?? (overrides.steps === undefined ? job.epochs : undefined)) !== undefined
  )
    throw new UsageError(`Job "${job.name}" trains on a stream, which has no epochs: give steps.`);
  const fields = await fieldsOf(data.train);
  const model = job.model({ data });
  if (!(model instanceof Module)) throw new UsageError(`Job "${job.name}": model() must return an nn.Module.`);
  const { size } = job.batch;
  const batch = { size, shards: overrides.shards ?? job.batch.shards ?? defaultShards(model, size) };
  if (batch.shards > batch.size) {
    throw new UsageError(
      `${batch.shards} shards are more than the ${batch.size} samples of a batch of job "${job.name}": use at most ${batch.size}.`,
    );
  }

  const { parameters, buffers } = nameModel(model);
  if (parameters.length === 0) throw new UsageError(`Job "${job.name}": the model has no parameters to train.`);
  const shapesOf = (tensors: readonly [string, ModelTensor][]) =>
    tensors.map(([name, { shape }]) => ({ name, shape: shape as readonly number[] }));
  const layout = layoutOf(shapesOf(parameters), shapesOf(buffers));

  const scalarNames = Object.keys(job.scalars ?? {});
  const context = () => ({
    model,
    batch: Object.fromEntries(fields.map((f) => [f.name, input(f.name, [batchDim(), ...f.shape], f.dtype)])),
    scalars: Object.fromEntries(scalarNames.map((name) => [name, scalar(name)])),
  });
  const { phases, schedules } = tracePhases(job, parameters, context);
  const evaluated = job.evaluate ?? updatesOf(job)[0]?.step;
  const evaluate = withTrace(false, () => {
    const { outputs, fields: gathered } = gatheredTensors(job.gather?.(context()) ?? {}, job.name);
    return {
      ...evaluateProgram(traceStep(evaluated as UpdateOptions['step'], context(), `Job "${job.name}"`), outputs),
      gathered,
    };
  });
  const hostMetrics = Object.keys(job.hostMetrics ?? {});
  const taken = hostMetrics.find((name) => evaluate.metrics.includes(name));
  if (taken !== undefined)
    throw new UsageError(`Job "${job.name}": hostMetrics.${taken} has the name of a metric of the evaluation.`);
  const predict = predictProgram(job, context, fields);

  const stepsPerEpoch = Math.ceil(data.train.length / batch.size);
  const epochs = overrides.epochs ?? job.epochs;
  const steps =
    overrides.steps ?? (overrides.epochs === undefined ? job.steps : undefined) ?? (epochs ?? 1) * stepsPerEpoch;
  const follows = schedules.some(followsEvaluations);
  if (follows && !data.test) {
    throw new UsageError(`Job "${job.name}": reduceOnPlateau needs test data: let data() return { train, test }.`);
  }
  const spec: JobSpec = {
    name: job.name,
    numericsVersion,
    seed,
    batch,
    steps,
    trainLength: data.train.sequential ? endlessSteps * batch.size : data.train.length,
    sequential: data.train.sequential === true,
    testLength: data.test?.length ?? 0,
    layout,
    fields,
    scalars: scalarNames,
    phases,
    evaluate: evaluate.program,
    predict,
    predictFields: predict
      ? predict.nodes.filter((n) => n.op === 'input').map((n) => n.attributes.field as string)
      : [],
    evaluateMetrics: evaluate.metrics,
    gathered: evaluate.gathered,
    hostMetrics,
    mixesSamples: mixesSamples(model),
    ema: job.ema?.decay ?? null,
    earlyStopping: earlyStoppingOf(job, [...evaluate.metrics, ...hostMetrics], data.test !== undefined),
    followsEvaluations: follows,
    watchEvery: job.watchEvery ?? 0,
    nonFinite: job.nonFinite ?? 'stop',
    evalEvery: job.evalEvery ?? 0,
    checkpointEvery: overrides.checkpointEvery ?? job.checkpointEvery ?? 0,
    keep: { last: job.keep?.last ?? 3, best: job.keep?.best ?? true },
    dataDigest: await dataDigest(data),
  };
  const host = createHost({ spec, data, schedules, scalars: job.scalars ?? {}, hostMetrics: job.hostMetrics ?? {} });
  const fill = kernels && kernelFill(kernels);
  return { spec, initialParameters: initialise([...parameters, ...buffers], layout, seed, fill), host };
}

/** The job's updates: its phases, or the one that is the job itself. */
function updatesOf(job: AnyJob): readonly PhaseOptions[] {
  if (job.phases) return job.phases;
  const { optimizer, step, clipNorm, clipValue, penalties } = job as AnyJob & UpdateOptions;
  return [
    {
      name: '',
      params: () => true,
      optimizer,
      step,
      ...(clipNorm && { clipNorm }),
      ...(clipValue && { clipValue }),
      ...(penalties && { penalties }),
    },
  ];
}

function tracePhases(
  job: AnyJob,
  parameters: readonly [string, Parameter][],
  context: () => StepContext<Module>,
): { phases: PhaseSpec[]; schedules: Schedule[] } {
  const owners = new Map<string, string>();
  const schedules: Schedule[] = [];
  const phases = updatesOf(job).map((update) => {
    const { name, params, every = 1, optimizer, step, penalties = [] } = update;
    const what = name ? `Job "${job.name}", phase "${name}"` : `Job "${job.name}"`;
    const trained = parameters
      .map(([, parameter]) => parameter)
      .filter((parameter) => parameter.requiresGrad && takes(params, infoOf(parameter)));
    if (trained.length === 0)
      throw new UsageError(`${what}: there is nothing to train: params takes no parameter that is not frozen.`);
    for (const parameter of trained) {
      const owner = owners.get(parameter.name);
      if (owner !== undefined) {
        throw new UsageError(
          `Job "${job.name}": the parameter "${parameter.name}" is in the phases "${owner}" and "${name}".`,
        );
      }
      owners.set(parameter.name, name);
    }
    const traced = withTrace(true, () =>
      phaseProgram(traceStep(step, context(), what), trained, (job.watchEvery ?? 0) > 0, what),
    );
    const resolved = optimizer.resolve(trained.map(infoOf));
    schedules.push(...resolved.schedules);
    return {
      name,
      every,
      ...traced,
      optimizer: resolved.spec,
      clipNorm: update.clipNorm ?? null,
      clipValue: update.clipValue ?? null,
      penalties: penalties.map((penalty) => resolvePenalty(penalty, trained, what)),
    };
  });
  return { phases, schedules };
}

function earlyStoppingOf(
  { name, earlyStopping }: AnyJob,
  metrics: readonly string[],
  tested: boolean,
): EarlyStoppingSpec | null {
  if (!earlyStopping) return null;
  const { monitor = 'loss', mode = 'min', patience, minDelta = 0 } = earlyStopping;
  if (!tested) throw new UsageError(`Job "${name}": earlyStopping needs test data: let data() return { train, test }.`);
  if (!metrics.includes(monitor)) {
    throw new UsageError(
      `Job "${name}": earlyStopping.monitor "${monitor}" is no metric of the evaluation; it has ${metrics.join(', ')}.`,
    );
  }
  return { monitor, mode, patience, minDelta };
}

/** A field or scalar that does not exist is undefined, and what the step does with it fails far from the cause. */
function traceStep(step: UpdateOptions['step'], context: StepContext<Module>, what: string): StepResult {
  try {
    return step(context);
  } catch (error) {
    if (!(error instanceof TypeError) || !/undefined/.test(error.message)) throw error;
    const list = (names: object) => Object.keys(names).join(', ') || 'none';
    throw new UsageError(
      `${what}: its step uses something that is undefined (${error.message}). Fields of the batch: ${list(context.batch)}; scalars: ${list(context.scalars)}.`,
      { cause: error },
    );
  }
}

const infoOf = ({ name, shape }: Parameter): ParameterInfo => ({ name, shape: shape as readonly number[] });

function resolvePenalty({ params, l1 = 0, l2 = 0 }: Penalty, trained: readonly Parameter[], what: string): PenaltySpec {
  const parameters = trained.map(infoOf).filter((info) => params === undefined || takes(params, info));
  if (parameters.length === 0) throw new UsageError(`${what}: params of a penalty takes none of its parameters.`);
  return { parameters: parameters.map(({ name }) => name), l1, l2 };
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

function initialise(
  tensors: readonly [string, ModelTensor][],
  layout: ParameterLayout,
  seed: number,
  fill: Fill | undefined,
): Float32Array {
  const values = new Float32Array(layout.length);
  const key = deriveKey(seed, 'init', 0, 0, 0);
  tensors.forEach(([name, tensor], i) => {
    const { offset, size } = layout.entries[i] as ParameterLayout['entries'][number];
    const shape = tensor.shape as readonly number[];
    tensor.initializer(values.subarray(offset, offset + size), new RandomStream(key, pathId(name), fill), shape);
  });
  return values;
}
