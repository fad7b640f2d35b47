import type { JobSpec, PhaseSpec, StepValues } from '@lockstep/core/internal';
import { parameterPieces, runGroups, type SlotAnswer, stepStatus } from '@lockstep/worker/local';
import type { LayersEvent, RunEvent } from '../observe/events.ts';
import type { Arrival, Journal } from '../observe/journal.ts';
import type { AgendaItem } from './agenda.ts';
import type { Cursor } from './cursor.ts';
import { MetricSums, metricsOf } from './metric-sums.ts';

/** What a phase gave in the step that is being put together. */
interface Outcome {
  readonly metrics: Readonly<Record<string, number>>;
  readonly learningRate: number;
  readonly gradientNorm: number;
}

/** Writes down what the steps gave: journal lines, and the events of steps, epochs and layers. */
export class StepLog {
  readonly #spec: JobSpec;
  readonly #cursor: Cursor;
  readonly #journal: Journal | null;
  readonly #emit: (event: RunEvent) => void;
  readonly #epoch: readonly MetricSums[];
  readonly #firstGroups: readonly number[];
  /** The first phase that takes part in every step gives a step its loss. */
  readonly #main: number;
  readonly #trained: readonly string[];
  readonly #rate = new RateMeter();
  #outcomes = new Map<number, Outcome>();
  lastLoss = Number.NaN;

  constructor(spec: JobSpec, cursor: Cursor, journal: Journal | null, emit: (event: RunEvent) => void) {
    this.#spec = spec;
    this.#cursor = cursor;
    this.#journal = journal;
    this.#emit = emit;
    this.#epoch = spec.phases.map(({ metrics }) => new MetricSums(metrics));
    this.#firstGroups = spec.phases.map((_, phase) => runGroups(spec).findIndex((group) => group.phase === phase));
    this.#main = spec.phases.findIndex(({ every }) => every === 1);
    this.#trained = parameterPieces(spec).map(({ name }) => name);
  }

  /** An answer that is an update, or was left out. @param arrival where updates are applied as they come */
  add(item: AgendaItem & { kind: 'train' }, values: StepValues, answer: SlotAnswer, arrival?: Arrival): void {
    const step = item.step + 1;
    const phase = this.#spec.phases[item.phase] as PhaseSpec;
    const skipped = answer.status !== stepStatus.updated;
    if (skipped) {
      const reason =
        answer.status === stepStatus.noWeight ? 'the total weight of the batch is 0' : 'a gradient is not finite';
      const what = phase.name ? `Step ${step}, phase "${phase.name}",` : `Step ${step}`;
      this.#emit({ type: 'warning', step, message: `${what} changed nothing: ${reason}.` });
    } else this.#epoch[item.phase]?.add(answer.statistics);

    const metrics = metricsOf(phase.metrics, answer.statistics);
    if (phase.penalties.length > 0) metrics.penalty = answer.penalty;
    if (arrival) metrics.staleness = arrival.staleness;
    const loss = metrics.loss as number;
    this.#journal?.append({
      step,
      phase: phase.name,
      digest: answer.digest,
      loss,
      ...values,
      ...(arrival && { arrival }),
      ...(skipped && { skipped }),
    });
    this.#outcomes.set(item.phase, {
      metrics,
      learningRate: values.learningRates[this.#firstGroups[item.phase] as number] ?? 0,
      gradientNorm: answer.gradientNorm,
    });
    if (this.#spec.watchEvery > 0 && step % this.#spec.watchEvery === 0)
      this.#emit(layersEvent(step, phase, this.#trained, answer, item.samples.length));
    if (item.last) this.#finishStep(step, item.samples.length);
  }

  #finishStep(step: number, samples: number): void {
    const main = this.#outcomes.get(this.#main) as Outcome;
    const metrics = this.#named((phase) => this.#outcomes.get(phase)?.metrics);
    this.#outcomes = new Map();
    this.lastLoss = main.metrics.loss as number;
    this.#rate.count(samples);
    this.#emit({
      type: 'step',
      step,
      loss: this.lastLoss,
      metrics,
      learningRate: main.learningRate,
      gradientNorm: main.gradientNorm,
      samplesPerSecond: this.#rate.perSecond,
    });
    if (!this.#cursor.endsEpoch(step - 1)) return;
    const means = this.#named((phase) => this.#epoch[phase]?.take());
    this.#emit({ type: 'epoch', epoch: step / this.#cursor.stepsPerEpoch, step, metrics: means });
  }

  /** Metrics of all phases, as `phase.metric` where there are several. */
  #named(of: (phase: number) => Readonly<Record<string, number>> | undefined): Record<string, number> {
    return Object.fromEntries(
      this.#spec.phases.flatMap(({ name }, phase) =>
        Object.entries(of(phase) ?? {}).map(([metric, value]) => [name ? `${name}.${metric}` : metric, value]),
      ),
    );
  }
}

function layersEvent(
  step: number,
  { name, program, activations }: PhaseSpec,
  trained: readonly string[],
  { statistics, gradientSquares }: SlotAnswer,
  samples: number,
): LayersEvent {
  const weight = statistics[1] as number;
  const norms = trained.flatMap((parameter, i) =>
    program.gradients[parameter] === undefined
      ? []
      : [[parameter, Math.sqrt(gradientSquares[i] as number) / weight] as const],
  );
  const outputs = activations.map(({ name: layer, index, elementsPerSample }) => {
    const count = samples * elementsPerSample;
    const mean = (statistics[index] as number) / count;
    const variance = Math.max(0, (statistics[index + 1] as number) / count - mean * mean);
    return [layer, { mean, std: Math.sqrt(variance) }] as const;
  });
  return {
    type: 'layers',
    step,
    ...(name && { phase: name }),
    gradientNorms: Object.fromEntries(norms),
    activations: Object.fromEntries(outputs),
  };
}

/** Samples per second over the last second or so. */
class RateMeter {
  perSecond = 0;
  #since = performance.now();
  #samples = 0;

  count(samples: number): void {
    this.#samples += samples;
    const seconds = (performance.now() - this.#since) / 1000;
    if (seconds < 0.5 && this.perSecond > 0) return;
    this.perSecond = this.#samples / Math.max(seconds, 1e-3);
    this.#since = performance.now();
    this.#samples = 0;
  }
}
