import type { ParameterLayout, StepValues } from '@lockstep/core/internal';
import { localUpdates, type SlotAnswer, stepStatus, type TrainingState } from '@lockstep/worker';
import type { AgendaItem } from '../engine/agenda.ts';
import { type OuterOptions, outerStep } from '../strategies/outer-nesterov.ts';
import type { LocalItem } from './local-agenda.ts';

/** Momentum of the outer step among the vectors of a checkpoint. */
const velocityVector = 'outer_velocity';

/** There are no common weights within a round: its steps have no digest, but the last. */
const noDigest = '-'.repeat(32);

/** What the coordinator keeps of local training beside the parameters. */
export class OuterState {
  readonly #layout: ParameterLayout;
  readonly #velocity: Float32Array;
  readonly #options: OuterOptions;

  constructor(layout: ParameterLayout, options: OuterOptions, { optimizer }: TrainingState) {
    this.#options = options;
    this.#layout = layout;
    this.#velocity = optimizer[velocityVector]?.slice() ?? new Float32Array(layout.length);
  }

  /** Changes the parameters. Not where a replica came to numbers that are not finite. @returns whether it did */
  step(parameters: Float32Array, ways: Float32Array, replicas: number): boolean {
    if (!ways.subarray(0, this.#layout.length).every(Number.isFinite)) return false;
    outerStep(parameters, this.#velocity, ways, replicas, this.#layout, this.#options);
    return true;
  }

  /** @param ways what is remembered of them, where something is */
  snapshot(step: number, parameters: Float32Array, ways: Readonly<Record<string, Float32Array>>): TrainingState {
    return {
      step,
      parameters: parameters.slice(),
      optimizer: { [velocityVector]: this.#velocity.slice(), ...ways },
      counters: {},
    };
  }
}

/** The updates of a round, one by one, as they are written down. */
export function* updatesOf(
  phases: Parameters<typeof localUpdates>[0]['phases'],
  { step, batches }: LocalItem,
  values: readonly StepValues[],
  statistics: Float32Array,
  digest: string,
): Generator<{ item: AgendaItem & { kind: 'train' }; values: StepValues; answer: SlotAnswer }> {
  const updates = localUpdates({ phases }, step, batches.length);
  let at = 0;
  for (const [i, { localStep, phase }] of updates.entries()) {
    const count = phases[phase]?.program.statistics.length ?? 0;
    yield {
      item: {
        kind: 'train',
        step: step + localStep,
        phase,
        last: updates[i + 1]?.localStep !== localStep,
        samples: batches[localStep] as readonly number[],
      },
      values: values[localStep] as StepValues,
      answer: {
        status: stepStatus.updated,
        statistics: statistics.slice(at, at + count),
        // Each replica has its own.
        gradientNorm: 0,
        penalty: 0,
        gradientSquares: new Float64Array(),
        digest: i === updates.length - 1 ? digest : noDigest,
      },
    };
    at += count;
  }
}
