import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type TrainOptions, train } from '@lockstep/coordinator';
import { benchOptions } from './options.ts';
import { median } from './result-table.ts';
import { takeTurns } from './steady.ts';
import { machine, ms, ratio, table } from './table.ts';
import { works } from './works.ts';

// `npm run bench:overhead [-- step WORK ...]`: what a step costs beside its computing. `step`: a model of one parameter on two threads and on one; a
// work: what journal, checkpoints and events of steps add to it.

const { wanted, windows, ms: windowMs } = benchOptions(5, 500);

/** Milliseconds of a step, epoch by epoch for about `windowMs` after the first; epochs' events come with and without those of steps. */
async function epochs(job: string, recorded: boolean, options: TrainOptions): Promise<number[]> {
  const out = recorded ? mkdtempSync(join(tmpdir(), 'lockstep-bench-')) : null;
  const run = train(job, { ...options, out, quiet: !recorded, steps: 1_000_000 });
  const stepMs: number[] = [];
  let last = { epoch: 0, step: 0, ms: Number.NaN };
  let firstMs = Number.NaN;
  for await (const event of run) {
    if (event.type !== 'epoch') continue;
    const now = { epoch: event.epoch, step: event.step, ms: performance.now() };
    if (last.epoch === 1) firstMs = last.ms;
    if (last.epoch >= 1) stepMs.push((now.ms - last.ms) / (now.step - last.step));
    last = now;
    if (stepMs.length > 0 && now.ms - firstMs >= windowMs) run.stop();
  }
  await (await run.done).model.close();
  if (out !== null) rmSync(out, { recursive: true });
  return stepMs;
}

const both = (job: string, options: TrainOptions) =>
  takeTurns(
    [true, false].map((recorded) => ({
      label: recorded ? 'on' : 'off',
      measure: async () => median(await epochs(job, recorded, options)),
    })),
    windows,
  );

const chosen = (name: string): boolean => wanted.length === 0 || wanted.includes(name);

async function smallestModel(): Promise<void> {
  const job = fileURLToPath(new URL('./work/one-parameter.ts', import.meta.url));
  const rows: string[][] = [];
  for (const threads of [2, 1]) {
    const results = await both(job, { threads });
    const us = (label: string): string => ms(median(results.get(label) ?? []) * 1000);
    rows.push([String(threads), us('on'), us('off')]);
  }
  const title = `Microseconds of a step of a model of one parameter, median of ${windows} windows' medians over epochs of 500 steps`;
  console.log([title, '', ...table(['threads', 'journal and events on', 'off'], rows), ''].join('\n'));
}

async function recorded(works: readonly { id: string; job: string }[]): Promise<void> {
  const rows: string[][] = [];
  for (const { id, job } of works) {
    const results = await both(job, { threads: 2 });
    const [on, off] = [results.get('on') ?? [], results.get('off') ?? []];
    const ratios = on.map((value, i) => value / (off[i] ?? Number.NaN));
    rows.push([id, ms(median(on)), ms(median(off)), ratio(median(ratios))]);
  }
  const title = `Milliseconds of a step on two threads, with journal, checkpoints and events and without; medians of ${windows} windows that take turns`;
  console.log([title, '', ...table(['', 'on', 'off', 'on / off'], rows)].join('\n'));
}

console.log(`${machine()}\n`);
if (chosen('step')) await smallestModel();
const chosenWorks = works.flatMap(({ id, job }) => (job && chosen(id) ? [{ id, job }] : []));
if (chosenWorks.length > 0) await recorded(chosenWorks);
