import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { train } from '@lockstep/coordinator';
import { Random } from '../simulator/random.ts';
import { freePort } from '../support/cluster.ts';
import { jobText, UserFolder } from '../support/run-cli.ts';
import { Crew } from './crew.ts';
import { type SoakReport, StepClock } from './report.ts';
import { torments } from './torments.ts';

export interface SoakOptions {
  readonly seconds: number;
  readonly seed: number;
  readonly placement: 'coordinator' | 'workers';
  /** Told what happens. */
  readonly say?: (text: string) => void;
}

/** Between two torments, in milliseconds. */
const betweenMs: readonly [number, number] = [200, 5000];

/** A torment must be over, and a step finished, within so long, in milliseconds: else the run hangs. */
const patienceMs = 90_000;

/**
 * Real processes that train while everything that the seed has in mind happens to them. What is chosen follows from the seed; when it happens
 * within a step does not, so that a seed that fails is to be tried a few times.
 */
export async function soak({ seconds, seed, placement, say = () => undefined }: SoakOptions): Promise<SoakReport> {
  using folder = new UserFolder();
  const job = folder.write(
    'job.ts',
    jobText({ batch: '{ size: 24, shards: 7 }', steps: '100_000_000', checkpointEvery: '50', evalEvery: '1000' }),
  );
  const out = `${folder.path}/run`;
  const random = new Random(seed);
  const clock = new StepClock();
  const counts: Record<string, number> = {};
  await using crew = new Crew(await freePort(), ['--placement', placement, '--lease', '1500', '--out', out]);
  crew.start(job);
  for (let i = 0; i < 3; i++) await crew.hire(seed + i);
  const look = setInterval(() => clock.look(crew), 20);
  try {
    await progress(crew, () => crew.steps > 0);
    const startedMs = performance.now();
    const under: Promise<void>[] = [];
    while (performance.now() - startedMs < seconds * 1000) {
      // Somebody should be left to torment.
      if (crew.hands.length < 2) await crew.hire(seed + crew.steps);
      const [name, torment] = random.pick(torments);
      counts[name] = (counts[name] ?? 0) + 1;
      say(
        `${((performance.now() - startedMs) / 1000).toFixed(1)} s, ${crew.steps} steps, ${crew.hands.length} workers: ${name}`,
      );
      clock.torment();
      const over = torment(crew, random, job);
      // Two at a time happen, but only one to the coordinator.
      if (name.endsWith('coordinator')) await over;
      else under.push(over);
      await setTimeout(random.skewed(...betweenMs));
    }
    await Promise.all(under);
    if (crew.hands.length === 0) await crew.hire(seed);
    // Past where the run was before a coordinator was killed, or had to go back; the journal may know a few more steps than were reported.
    const { reached } = crew;
    await progress(crew, () => crew.reached > reached + 20);
    const ranMs = performance.now() - startedMs;
    const { coordinator } = crew;
    coordinator.kill('SIGTERM');
    const digest = await coordinator.digest();
    await coordinator.exited;
    const steps = coordinator.ofType('done')[0]?.steps as number;
    return {
      seed,
      placement,
      seconds: ranMs / 1000,
      steps,
      replayed: crew.steps - steps,
      torments: counts,
      ettr: (steps * clock.calmMs()) / ranMs,
      stepsPerSecond: (steps * 1000) / ranMs,
      recoveryMs: clock.recoveryMs,
      digest,
      same: await isUndisturbed(job, out, steps, digest),
    };
  } finally {
    clearInterval(look);
  }
}

/** Waits for steps. @throws where none come */
async function progress(crew: Crew, enough: () => boolean): Promise<void> {
  let seen = crew.steps;
  for (let lastMs = performance.now() + patienceMs; !enough(); ) {
    if (crew.steps > seen) lastMs = performance.now() + patienceMs;
    seen = crew.steps;
    if (performance.now() > lastMs) {
      const { stderr, events } = crew.coordinator;
      throw new Error(
        `no step in ${patienceMs} ms; ${crew.hands.length} workers; ${stderr}${JSON.stringify(events.slice(-5))}`,
      );
    }
    await setTimeout(50);
  }
}

async function isUndisturbed(job: string, out: string, steps: number, digest: string): Promise<boolean> {
  const alone = await train(job, { threads: 1, stopAtStep: steps, out: `${out}-alone` }).done;
  await alone.model.close();
  const journal = (folder: string) => readFileSync(`${folder}/journal.txt`, 'utf8');
  return alone.digest === digest && journal(out) === journal(`${out}-alone`);
}
