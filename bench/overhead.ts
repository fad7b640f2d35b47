import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type TrainOptions, train } from '@lockstep/coordinator';
import { GatedRun } from './gate.ts';
import { benchOptions } from './options.ts';
import { median } from './result-table.ts';
import { takeTurns } from './steady.ts';
import { machine, ms, table } from './table.ts';
import { works } from './works.ts';

// `npm run bench:overhead [-- step WORK ...]`: what a step costs beside its computing. `step`: a model of one parameter on two threads and on one; a
// work: what journal and events of steps add to it.

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

/** Steps of a turn take about so long, and at least so many are taken. */
const turnMs = 250;
const fewestSteps = 5;

/** Where a run's memory comes to lie makes a percent or more of its speed: so many pairs of runs are made anew, each of the two first in turn. */
const pairs = 4;

interface Turn {
  readonly wallMs: number;
  readonly cpuMs: number;
}

/** Two runs that take turns, one with journal and events and one without: what changes on the machine changes for both. */
async function turnsOf({ job, batch }: Recorded, onFirst: boolean): Promise<{ on: Turn; off: Turn }[]> {
  const out = mkdtempSync(join(tmpdir(), 'lockstep-bench-'));
  // Checkpoints come by the clock, at most every 5 s, and are no part of a step.
  const recorded = () => new GatedRun(job, batch, { threads: 2, out, checkpointEvery: 2 ** 30 });
  const bare = () => new GatedRun(job, batch, { threads: 2, quiet: true });
  const first = onFirst ? recorded() : bare();
  await first.started();
  const second = onFirst ? bare() : recorded();
  await second.started();
  const { wallMs: guessMs } = await first.steps(fewestSteps, turnMs);
  const steps = Math.max(fewestSteps, Math.round(turnMs / guessMs));
  // Three are begun when the next one waits.
  const turn = (run: GatedRun): Promise<Turn> => run.steps(steps, 4 * guessMs);
  for (const run of [second, first]) await turn(run);
  const turns: { on: Turn; off: Turn }[] = [];
  const untilMs = performance.now() + (windows * turnMs * 8) / pairs;
  while (turns.length === 0 || performance.now() < untilMs) {
    const [one, other] = [await turn(first), await turn(second)];
    turns.push(onFirst ? { on: one, off: other } : { on: other, off: one });
  }
  for (const run of [first, second]) await run.end();
  rmSync(out, { recursive: true });
  return turns;
}

async function recorded(work: Recorded): Promise<string[]> {
  const turns: { on: Turn; off: Turn }[] = [];
  for (let pair = 0; pair < Math.min(pairs, windows); pair++) turns.push(...(await turnsOf(work, pair % 2 === 0)));
  const of = (read: (turn: (typeof turns)[number]) => number): number => median(turns.map(read));
  return [
    work.id,
    String(turns.length),
    ms(of(({ on }) => on.wallMs)),
    ms(of(({ off }) => off.wallMs)),
    of(({ on, off }) => on.wallMs / off.wallMs).toFixed(3),
    of(({ on, off }) => on.cpuMs / off.cpuMs).toFixed(3),
  ];
}

interface Recorded {
  readonly id: string;
  readonly job: string;
  readonly batch: number;
}

console.log(`${machine()}\n`);
if (chosen('step')) await smallestModel();
const rows: string[][] = [];
for (const { id, job, batch } of works) if (job && batch && chosen(id)) rows.push(await recorded({ id, job, batch }));
if (rows.length > 0) {
  const title =
    'Two threads, with journal and events (on) and without (off): two runs that take turns of some steps. Milliseconds of a step, and medians over pairs of turns of the ratios of time and of the computing of all threads';
  console.log([title, '', ...table(['', 'turns', 'on', 'off', 'on / off', 'computing'], rows)].join('\n'));
}
