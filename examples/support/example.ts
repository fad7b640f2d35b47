import type { TrainResult } from '@lockstep/coordinator';

/** What an example shows, beside its job: `npm run examples` trains the job, asks for the figures and compares. */
export interface Example {
  /** Row of the table in the README. */
  readonly system: string;
  readonly figures: readonly Figure[];
  /** Runs with these seeds, figures are means over them; default [1, 2, 3]. */
  readonly seeds?: readonly number[];
}

/** A number that an example must reach. */
export interface Figure {
  readonly name: string;
  readonly atLeast?: number;
  readonly atMost?: number;
  /** Shown as a percentage. */
  readonly percent?: boolean;
  /** From a finished training; `metrics` are those of its last evaluation. */
  readonly of: (run: FinishedRun) => number | Promise<number>;
}

/** Of an example that has a job; without one, only the seed. */
export interface FinishedRun extends Pick<TrainResult, 'metrics' | 'model' | 'loss'> {
  readonly seed: number;
}

/** The last evaluation's value of a metric. */
export const metric =
  (name: string): Figure['of'] =>
  ({ metrics }) =>
    metrics[name] as number;

export function reached({ atLeast, atMost }: Figure, value: number): boolean {
  return value >= (atLeast ?? Number.NEGATIVE_INFINITY) && value <= (atMost ?? Number.POSITIVE_INFINITY);
}

export function figureText({ percent }: Figure, value: number): string {
  if (percent) return `${(100 * value).toFixed(1)} %`;
  return Number(value.toPrecision(3)).toString();
}

export const wantedText = (figure: Figure): string =>
  [
    figure.atLeast !== undefined ? `≥ ${figureText(figure, figure.atLeast)}` : '',
    figure.atMost !== undefined ? `≤ ${figureText(figure, figure.atMost)}` : '',
  ]
    .filter(Boolean)
    .join(', ');
