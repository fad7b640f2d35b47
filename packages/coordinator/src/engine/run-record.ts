import {
  type JobSpec,
  LockstepError,
  NonFiniteError,
  type PhaseSpec,
  parameterDigest,
  type StepValues,
  type TracedJob,
} from '@lockstep/core/internal';
import { type ComputeReport, type SlotAnswer, stepStatus, type TrainingState } from '@lockstep/worker/local';
import { modelWeights } from '../checkpoint/state.ts';
import type { CheckpointStore } from '../checkpoint/store.ts';
import type { DoneEvent, RunEvent } from '../observe/events.ts';
import type { Arrival, Journal } from '../observe/journal.ts';
import type { Fence } from '../storage/fence.ts';
import { type AgendaItem, evaluationDue } from './agenda.ts';
import { CheckpointWriter } from './checkpoint-writer.ts';
import type { Cursor } from './cursor.ts';
import { EarlyStopping } from './early-stopping.ts';
import { Gathering } from './gathering.ts';
import { MetricSums } from './metric-sums.ts';
import type { EngineResult } from './request.ts';
import { StepLog } from './step-log.ts';

export interface RecordParts {
  readonly traced: TracedJob;
  readonly state: TrainingState;
  readonly store: CheckpointStore | null;
  readonly journal: Journal | null;
  readonly fence: Fence | null;
  readonly emit: (event: RunEvent) => void;
}

type GatheredValues = Readonly<Record<string, Float32Array | Int32Array>>;

/**
 * What is known of a run from its answers, wherever they were computed: journal, events, evaluations, checkpoints and the result. Answers come in
 * the order of the agenda.
 */
export class RunRecord {
  /** On the test split, as schedules see them: only of evaluations that a longer run would have too. */
  readonly testLosses: number[];
  readonly #parts: RecordParts;
  readonly #spec: JobSpec;
  readonly #cursor: Cursor;
  readonly #log: StepLog;
  readonly #early: EarlyStopping | undefined;
  readonly #evaluation: MetricSums;
  readonly #gathering: Gathering;
  readonly #checkpoints: CheckpointWriter;
  readonly #startedAt = performance.now();
  #metrics: Readonly<Record<string, number>> = {};
  #final: TrainingState | undefined;

  constructor(parts: RecordParts, cursor: Cursor) {
    const { spec } = parts.traced;
    this.#parts = parts;
    this.#spec = spec;
    this.#cursor = cursor;
    this.#log = new StepLog(spec, cursor, parts.journal, parts.emit);
    if (spec.earlyStopping) this.#early = new EarlyStopping(spec.earlyStopping, parts.state.counters.earlyStopping);
    this.testLosses = [...(parts.state.counters.testLosses ?? [])];
    this.#evaluation = new MetricSums(spec.evaluateMetrics);
    this.#gathering = new Gathering(spec.gathered, spec.testLength);
    this.#checkpoints = new CheckpointWriter(parts.store, parts.journal, parts.emit);
  }

  /** Whether the test split says that it is enough. */
  get stoppedEarly(): boolean {
    return this.#early?.stop === true;
  }

  /** Whether how the run goes on depends on the evaluation, so that nothing may be computed ahead of it. */
  get followsEvaluations(): boolean {
    return this.#early !== undefined || this.#spec.followsEvaluations;
  }

  checkpointDue(endOfEpoch: boolean): boolean {
    return this.#checkpoints.due(endOfEpoch);
  }

  /** @param gradients the summed gradient of this item, looked at only where it is not finite. @throws NonFiniteError as the job says */
  trained(
    item: AgendaItem & { kind: 'train' },
    values: StepValues,
    answer: SlotAnswer,
    gradients: () => Float32Array,
    arrival?: Arrival,
  ): void {
    if (answer.status === stepStatus.notFinite && this.#spec.nonFinite === 'stop')
      throw notFinite(this.#spec, item, gradients());
    this.#log.add(item, values, answer, arrival);
  }

  /** @param gathered the outputs of the batch's samples, in order */
  async evaluated(
    item: AgendaItem & { kind: 'evaluate' },
    statistics: Float32Array,
    gathered: GatheredValues,
  ): Promise<void> {
    const { host } = this.#parts.traced;
    const spec = this.#spec;
    this.#evaluation.add(statistics);
    this.#gathering.add(gathered, item.samples.length);
    if (!item.last) return;
    const means = this.#evaluation.take();
    const all = this.#gathering.take();
    this.#metrics = spec.hostMetrics.length > 0 ? { ...means, ...(await host.measure(all, means)) } : means;
    this.#early?.evaluated(this.#metrics);
    const { loss } = this.#metrics as { loss: number };
    if (spec.followsEvaluations && evaluationDue(spec, this.#cursor, item.step)) {
      // JSON has no infinities.
      this.testLosses.push(Number.isFinite(loss) ? loss : Number.MAX_VALUE);
    }
    this.#checkpoints.evaluated(item.step, loss);
    if (!Number.isFinite(this.#metrics.loss)) {
      const message = `The loss on the test data is ${this.#metrics.loss} at step ${item.step}: look for values in the test data or the model that are not finite.`;
      this.#parts.emit({ type: 'warning', step: item.step, message });
    }
    this.#parts.emit({ type: 'eval', step: item.step, metrics: this.#metrics });
  }

  /** The state at a step boundary, as the machines hold it: it must stay as it is until `written`. */
  snapshot(held: TrainingState, final: boolean): void {
    const counters = {
      ...held.counters,
      ...(this.#early && { earlyStopping: this.#early.counters }),
      ...(this.testLosses.length > 0 && { testLosses: [...this.testLosses] }),
    };
    const state = { ...held, counters };
    if (final) this.#final = state;
    this.#checkpoints.write(state, final);
  }

  /** @throws SupersededError where another process has gone on with the run */
  assertHeld(): void {
    const replaced = this.#parts.fence?.replaced;
    if (replaced) throw replaced;
  }

  /** No checkpoint is being written. */
  written(): Promise<void> {
    return this.#checkpoints.finish();
  }

  /** Everything is on disk, or the alarm was raised. */
  async finish(): Promise<void> {
    await this.#checkpoints.finish();
    await this.#parts.journal?.sync();
    this.assertHeld();
  }

  /** After the final snapshot. */
  result(reports: readonly ComputeReport[], cluster: Pick<DoneEvent, 'traffic' | 'refused'> = {}): EngineResult {
    const spec = this.#spec;
    const state = this.#final;
    if (!state) throw new LockstepError('The run ended without a final state; run again with --debug and report it.');
    const seconds = (performance.now() - this.#startedAt) / 1000;
    const digest = parameterDigest(spec.layout, state.parameters);
    const { stoppedEarly } = this;
    const interrupted = state.step < spec.steps && !stoppedEarly;
    const { lastLoss: loss } = this.#log;
    this.#parts.emit({ type: 'done', steps: state.step, digest, loss, seconds, interrupted, stoppedEarly, ...cluster });
    return {
      spec,
      // A copy: the state may lie in the memory of the run, which ends with it.
      parameters: modelWeights(state).slice(),
      digest,
      loss,
      steps: state.step,
      seconds,
      interrupted,
      metrics: this.#metrics,
      threadHeapGrowthBytes: reports.map(({ heapGrowthBytes }) => heapGrowthBytes),
      profiles: reports.flatMap(({ profile }) => profile ?? []),
    };
  }
}

function notFinite(
  { layout, phases }: JobSpec,
  { step, phase }: AgendaItem & { kind: 'train' },
  gradients: Float32Array,
): NonFiniteError {
  const entries = layout.entries.filter(({ offset }) => offset < layout.trained);
  const bad = entries.filter(({ offset, size }) =>
    gradients.subarray(offset, offset + size).some((x) => !Number.isFinite(x)),
  );
  const where =
    bad.length > 0
      ? `the gradient of "${bad[0]?.name}" is not finite (${bad.length} of ${entries.length} parameters)`
      : 'the loss is not finite';
  const { name } = phases[phase] as PhaseSpec;
  return new NonFiniteError(
    `Step ${step + 1}${name ? `, phase "${name}"` : ''}: ${where}. Nothing was updated; lower the learning rate, clip the gradient (clipNorm, clipValue), or leave such steps out (nonFinite: 'skip').`,
  );
}
