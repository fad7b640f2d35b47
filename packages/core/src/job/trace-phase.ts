import { UsageError } from '../errors.ts';
import { isSymbolic, type Shape } from '../graph/dim.ts';
import { currentTrace } from '../graph/scope.ts';
import { Tensor } from '../graph/tensor.ts';
import { Weighted } from '../loss/weighted.ts';
import type { ModelTensor } from '../nn/model-tensor.ts';
import { square } from '../ops/arithmetic.ts';
import { gradOrNone } from '../ops/grad.ts';
import { sum } from '../ops/stretch.ts';
import { buildProgram } from '../program/build.ts';
import type { Program } from '../program/program.ts';
import type { StepResult } from './options.ts';
import type { ActivationSpec, BufferSpec } from './spec.ts';

interface Statistic {
  readonly name: string;
  readonly tensor: Tensor;
}

/** `<name>.sum` and `<name>.weight` of loss and metrics, loss first. */
function statisticsOf(result: StepResult): { metrics: readonly string[]; statistics: Statistic[] } {
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

export function evaluateProgram(
  result: StepResult,
  outputs: Readonly<Record<string, Tensor>> = {},
): { program: Program; metrics: readonly string[] } {
  const { metrics, statistics } = statisticsOf(result);
  return { program: buildProgram({ statistics, outputs }), metrics };
}

export interface TracedPhase {
  readonly program: Program;
  readonly metrics: readonly string[];
  readonly buffers: readonly BufferSpec[];
  readonly activations: readonly ActivationSpec[];
}

/**
 * The Program of one phase: loss, gradients of `trained`, metrics, and what moves buffers. Called within the trace in which `step` ran.
 *
 * @param what the job, or its phase, for error messages
 */
export function phaseProgram(
  result: StepResult,
  trained: readonly ModelTensor[],
  watched: boolean,
  what: string,
): TracedPhase {
  const { metrics, statistics } = statisticsOf(result);
  const parts = gradOrNone(Weighted.from(result.loss).values, trained);
  const gradients = Object.fromEntries(trained.flatMap(({ name }, i) => (parts[i] ? [[name, parts[i]]] : [])));
  if (Object.keys(gradients).length === 0)
    throw new UsageError(`${what}: the loss depends on no parameter of the model.`);

  const buffers: BufferSpec[] = [];
  const weights = new Map<Tensor, number>();
  for (const [buffer, { total, weight, momentum }] of currentTrace()?.bufferUpdates ?? []) {
    const { name } = buffer as ModelTensor;
    let index = weights.get(weight);
    if (index === undefined) {
      index = statistics.push({ name: `${name}.weight`, tensor: sum(weight) }) - 1;
      weights.set(weight, index);
    }
    gradients[name] = total;
    buffers.push({ name, momentum, weight: index });
  }
  const activations = watched ? watchActivations(statistics) : [];
  return { program: buildProgram({ gradients, statistics }), metrics, buffers, activations };
}

function watchActivations(statistics: Statistic[]): ActivationSpec[] {
  return [...(currentTrace()?.activations ?? [])].flatMap(([name, output]) => {
    const elementsPerSample = elementsOf(output.shape);
    if (output.dtype !== 'f32' || elementsPerSample === undefined) return [];
    const index = statistics.push({ name: `${name}.total`, tensor: sum(output) }) - 1;
    statistics.push({ name: `${name}.squares`, tensor: sum(square(output)) });
    return [{ name: name || 'model', index, elementsPerSample }];
  });
}

/** Elements for each sample of a shape `[batch * k, ...]`; undefined where the batch is not its leading dimension. */
function elementsOf([leading, ...rest]: Shape): number | undefined {
  if (leading === undefined || !isSymbolic(leading) || rest.some(isSymbolic)) return undefined;
  return rest.reduce((n: number, size) => n * (size as number), leading.coefficient);
}
