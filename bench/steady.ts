import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TrainOptions, train } from '@lockstep/coordinator';
import type { AnyJob } from '@lockstep/core';
import { median } from './result-table.ts';

/** Steps before the clock starts: machine code is ready, and memory has been touched. */
const warmUpSteps = 3;

export interface Steady {
  /** Milliseconds of a step, from one after the warm-up to one at least `ms` later. */
  readonly stepMs: number;
  /** Shared memory of the run. */
  readonly memoryBytes: number;
}

/** A run with journal, checkpoints and events, as any other, that is ended after about `ms` milliseconds of steps. */
export async function steady(job: AnyJob | string, options: TrainOptions, ms: number): Promise<Steady> {
  const out = mkdtempSync(join(tmpdir(), 'lockstep-bench-'));
  const run = train(job, { out, steps: 1_000_000, ...options });
  let memoryBytes = 0;
  let from = { step: 0, ms: Number.POSITIVE_INFINITY };
  let to = from;
  for await (const event of run) {
    if (event.type === 'start') memoryBytes = event.memoryBytes;
    if (event.type !== 'step') continue;
    const now = { step: event.step, ms: performance.now() };
    // Steps come in groups where they are short: the first one seen late enough begins.
    if (from.step === 0 && event.step >= warmUpSteps) from = now;
    else if (from.step > 0 && (to === from || to.step === 0 || to.ms - from.ms < ms)) to = now;
    if (now.ms - from.ms >= ms && to.step > from.step) run.stop();
  }
  await (await run.done).model.close();
  rmSync(out, { recursive: true });
  return { stepMs: (to.ms - from.ms) / (to.step - from.step), memoryBytes };
}

export interface Setting<T> {
  readonly label: string;
  measure(): Promise<T>;
}

/** All settings once, then all of them again, and so on: what changes on the machine meanwhile changes for all of them. */
export async function takeTurns<T>(settings: readonly Setting<T>[], windows: number): Promise<Map<string, T[]>> {
  const results = new Map<string, T[]>(settings.map(({ label }) => [label, []]));
  for (let window = 0; window < windows; window++)
    for (const { label, measure } of settings) results.get(label)?.push(await measure());
  return results;
}

export const medianStepMs = (results: readonly Steady[] | undefined): number =>
  median((results ?? []).map(({ stepMs }) => stepMs));
