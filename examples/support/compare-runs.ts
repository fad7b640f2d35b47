import { type TrainOptions, train } from '@lockstep/coordinator';
import type { AnyJob } from '@lockstep/core';
import { lineChart } from './svg.ts';

/** What became of one of several trainings that are compared. */
export interface Outcome {
  readonly name: string;
  readonly updates: number;
  /** Mean loss of each epoch while it ran. */
  readonly losses: readonly number[];
  /** Test accuracy at the end. */
  readonly accuracy: number;
  readonly digest: string;
}

/** Trains a job whose evaluation has an `accuracy`. */
export async function outcomeOf(name: string, job: AnyJob, options: TrainOptions): Promise<Outcome> {
  const run = train(job, options);
  const losses: number[] = [];
  for await (const event of run) if (event.type === 'epoch') losses.push(event.metrics.loss as number);
  const { model, digest, steps, metrics } = await run.done;
  await model.close();
  return { name, updates: steps, losses, accuracy: metrics.accuracy as number, digest };
}

export function tableOf(outcomes: readonly Outcome[]): string {
  const cells = outcomes.map(({ name, updates, losses, accuracy }) => [
    name,
    String(updates),
    (losses.at(-1) as number).toFixed(4),
    `${(100 * accuracy).toFixed(1)} %`,
  ]);
  const width = Math.max(...cells.map(([name]) => (name as string).length));
  const row = ([name, ...others]: readonly string[]) =>
    [(name as string).padEnd(width), ...others.map((cell) => cell.padStart(9))].join(' ');
  return [row(['', 'updates', 'loss', 'test acc.']), ...cells.map(row)].join('\n');
}

export const curvesOf = (title: string, outcomes: readonly Outcome[]): string =>
  lineChart({
    title,
    x: 'epoch',
    y: 'training loss',
    logY: true,
    series: outcomes.map(({ name, losses }) => ({ name, points: losses.map((loss, i) => [i + 1, loss] as const) })),
  });
