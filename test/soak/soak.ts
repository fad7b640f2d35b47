import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { train } from '@lockstep/coordinator';
import { Random } from '../simulator/random.ts';
import { freePort } from '../support/cluster.ts';
import { jobText, UserFolder, wideModel } from '../support/run-cli.ts';
import { Crew } from './crew.ts';
import { MemoryWatch } from './memory.ts';
import { type SoakReport, StepClock } from './report.ts';
import { type Torment, torments } from './torments.ts';

export interface SoakOptions {
  /** For so long, at seeded times; absent: each torment once (those listed twice, twice) in a seeded order, each a few steps after the one before. */
  readonly seconds?: number;
  readonly seed: number;
  readonly placement: 'coordinator' | 'workers';
  /** Told what happens. */
  readonly say?: (text: string) => void;
}

/** Between two torments, in milliseconds. */
const betweenMs: readonly [number, number] = [200, 5000];

/** Between two torments, in steps, where it does not go by time. */
const betweenSteps: readonly [number, number] = [1, 4];

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
    jobText({
      ...{ batch: '{ size: 24, shards: 7 }', steps: '100_000_000', model: wideModel(2000) },
      ...{ checkpointEvery: seconds === undefined ? '10' : '50', evalEvery: '1000' },
    }),
  );
  const out = `${folder.path}/run`;
  const random = new Random(seed);
  const clock = new StepClock();
  const memory = { coordinator: new MemoryWatch(), worker: new MemoryWatch() };
  const counts: Record<string, number> = {};
  await using crew = new Crew(await freePort(), ['--placement', placement, '--lease', '1500', '--out', out]);
  crew.start(job);
  for (let i = 0; i < 3; i++) await crew.hire(seed + 2 * i);
  const look = setInterval(() => {
    clock.look(crew);
    memory.coordinator.look([crew.coordinator]);
    memory.worker.look(crew.hands.map(({ worker }) => worker));
  }, 20);
  try {
    await progress(
      crew,
      () => crew.coordinator.ofType('checkpoint').length > 0 || (seconds !== undefined && crew.steps > 0),
    );
    const startedMs = performance.now();
    const elapsed = () => (performance.now() - startedMs) / 1000;
    const under = new Set<Promise<void>>();
    let deck = shuffled(torments, random);
    while (seconds === undefined || elapsed() < seconds) {
      // What came to nothing is on the list again.
      if (deck.length === 0 && seconds === undefined) await Promise.all(under);
      if (deck.length === 0 && seconds !== undefined) deck = shuffled(torments, random);
      const next = deck.shift();
      if (!next) break;
      // Somebody should be left to torment.
      if (crew.hands.length < 2) await crew.hire(seed + crew.steps);
      const [name, torment] = next;
      say(`${elapsed().toFixed(1)} s, ${crew.steps} steps, ${crew.hands.length} workers: ${name}`);
      clock.torment();
      const over = torment(crew, random, job).then((happened) => {
        if (happened) counts[name] = (counts[name] ?? 0) + 1;
        else if (seconds === undefined) deck.push(next);
      });
      // Two at a time happen, but only one to the coordinator.
      if (name.endsWith('coordinator')) await over;
      else under.add(over.finally(() => under.delete(over)));
      if (seconds !== undefined) await setTimeout(random.skewed(...betweenMs));
      else {
        const enough = crew.steps + random.integer(...betweenSteps);
        await progress(crew, () => crew.steps >= enough);
      }
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
      resumedFrom: crew.coordinators
        .slice(1)
        .flatMap((one) => one.ofType('start').map(({ fromStep }) => fromStep as number)),
      ettr: (steps * clock.calmMs()) / ranMs,
      stepsPerSecond: (steps * 1000) / ranMs,
      recoveryMs: clock.recoveryMs,
      memoryMib: { coordinator: memory.coordinator.report, worker: memory.worker.report },
      digest,
      same: await isUndisturbed(job, out, steps, digest),
    };
  } finally {
    clearInterval(look);
  }
}

function shuffled(list: readonly (readonly [string, Torment])[], random: Random): (readonly [string, Torment])[] {
  const rest = [...list];
  return list.map(() => rest.splice(random.integer(0, rest.length - 1), 1)[0] as readonly [string, Torment]);
}

/** Waits for steps. @throws where none come */
async function progress(crew: Crew, enough: () => boolean): Promise<void> {
  let seen = crew.steps;
  for (let lastMs = performance.now() + patienceMs; !enough(); ) {
    if (crew.steps > seen) lastMs = performance.now() + patienceMs;
    seen = crew.steps;
    const { stderr, events, child } = crew.coordinator;
    const ended = child.exitCode !== null;
    if (ended || performance.now() > lastMs) {
      const warnings = crew.coordinators.flatMap((one, i) =>
        one.ofType('warning').map(({ message }) => `coordinator ${i + 1}: ${message}`),
      );
      throw new Error(
        `${ended ? 'the coordinator has ended' : `no step in ${patienceMs} ms`}; ${crew.hands.length} workers; ${stderr}${JSON.stringify(events.slice(-5))}\n${warnings.join('\n')}`,
      );
    }
    await setTimeout(20);
  }
}

async function isUndisturbed(job: string, out: string, steps: number, digest: string): Promise<boolean> {
  const alone = await train(job, { threads: 1, stopAtStep: steps, out: `${out}-alone` }).done;
  await alone.model.close();
  const journal = (folder: string) => readFileSync(`${folder}/journal.txt`, 'utf8');
  return alone.digest === digest && journal(out) === journal(`${out}-alone`);
}
