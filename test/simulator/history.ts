import { readJournal } from '../../packages/coordinator/src/observe/journal.ts';
import type { ClusterEvent } from '../../packages/coordinator/src/sharding/effects.ts';
import type { Job } from './agenda.ts';
import { drawFaults, unleash } from './chaos.ts';
import { Cluster } from './cluster.ts';
import { folder } from './coordinator-node.ts';
import type { Weather } from './network.ts';
import { undisturbed } from './oracle.ts';
import { Random } from './random.ts';
import type { Toy, WorkerNode } from './worker-node.ts';
import { World } from './world.ts';

export interface Outcome {
  readonly seed: number;
  readonly job: Job;
  /** Kinds of faults that were let loose. */
  readonly kinds: readonly string[];
  /** What is not as it must be; empty where all is. */
  readonly wrong: readonly string[];
  readonly simulatedMs: number;
  readonly events: readonly ClusterEvent[];
  /** Shards that were computed, and how many there are. */
  readonly computed: number;
  readonly needed: number;
}

/** By then, after the last fault, every run must be over: leases, back-off and slow workers included. In milliseconds. */
const calmMs = 600_000;

/** One history: everything in it follows from its seed. */
export async function playHistory(
  seed: number,
  placement: Job['placement'],
  trace?: (line: string) => void,
): Promise<Outcome> {
  const random = new Random(seed);
  const world = new World(random);
  const beganMs = world.nowMs;
  if (trace) {
    world.trace = (who, effect) =>
      trace(`${(world.nowMs - beganMs).toFixed(1).padStart(9)} ${who} ${JSON.stringify(effect)}`);
  }
  const job = drawJob(random, placement);
  const weather = drawWeather(random);
  const kinds = random.chance(0.05) ? [] : drawFaults(random);
  const expected = undisturbed(job);
  const evaluated = new Map<number, string>();
  const wrong: string[] = [];
  const events: ClusterEvent[] = [];
  let finished = false;
  let computed = 0;
  const toy: Toy = {
    shards: job.shards,
    carryMs: job.carryMs,
    computed: onlyOnce(wrong, (shards) => {
      computed += shards;
    }),
  };
  world.toy = toy;
  const cluster = new Cluster(world, job, weather, {
    event: (event) => events.push(event),
    evaluated: (step, digest) => evaluated.set(step, digest),
    work: (item, member, ranges, arrived) => {
      for (const { lo, hi } of ranges) {
        for (let s = lo; s < hi; s++) {
          if (arrived.has(s)) wrong.push(`shard ${s} of item ${item} was given to ${member} although its sum was here`);
        }
      }
    },
    finished: () => {
      finished = true;
    },
    failed: (message) => wrong.push(message),
  });
  cluster.refill();
  for (let more = random.integer(0, 3); more > 0; more--) cluster.join();
  const chaosMs = random.skewed(1000, 15_000);
  if (kinds.length > 0) unleash(cluster, kinds, itemMs(job) * random.skewed(0.5, 30), beganMs + chaosMs);
  const calm = () => {
    calmDown(cluster);
    world.after(1000, calm);
  };
  world.after(chaosMs, calm);
  await world.run(() => finished || wrong.length > 0, beganMs + chaosMs + calmMs);
  // What the last steps wrote.
  if (wrong.length === 0) await world.run(() => false, world.nowMs + 1000);
  if (!finished && wrong.length === 0) wrong.push('it does not end');
  if (wrong.length === 0) {
    const lines = [...(await readJournal(folder, cluster.disk.now)).values()];
    wrong.push(...difference('journal', lines, expected.journal));
    const texts = (values: ReadonlyMap<number, string>) => [...values].sort(([a], [b]) => a - b).map(String);
    wrong.push(...difference('evaluations', texts(evaluated), texts(expected.evaluations)));
  }
  const needed = expected.shards;
  return { seed, job, kinds, wrong, simulatedMs: world.nowMs - beganMs, events, computed, needed };
}

function difference(what: string, got: readonly string[], expected: readonly string[]): string[] {
  const at = expected.findIndex((line, i) => got[i] !== line);
  if (at < 0 && got.length === expected.length) return [];
  return [
    `${what} of ${got.length} lines, not ${expected.length}; at ${at}: "${got[at]}" instead of "${expected[at]}"`,
  ];
}

function drawJob(random: Random, placement: Job['placement']): Job {
  return {
    placement,
    shards: random.pick([1, 2, 5, 8, 16]),
    samples: random.integer(1, 40),
    steps: random.integer(2, 25),
    phases: random.pick([1, 1, 2]),
    evaluateEvery: random.integer(1, 6),
    checkpointEvery: random.integer(1, 6),
    minWorkers: random.integer(1, 3),
    leaseMs: 3000,
    carryMs: random.skewed(0.5, 50),
  };
}

/** About how long an item takes. */
const itemMs = ({ samples, carryMs }: Job): number => 10 + samples * 0.5 + carryMs * 3;

function drawWeather(random: Random): Weather {
  const worst = random.pick([1, 5, 50, 300]);
  return {
    delayMs: [0.1, worst],
    duplicate: random.pick([0, 0.05, 0.3]),
    cut: random.pick([0, 0, 0.001, 0.01]),
    keepaliveMs: 1000,
  };
}

/** After the last fault the network is a good one, and whoever is needed is started. */
function calmDown(cluster: Cluster): void {
  cluster.network.weather = { ...cluster.network.weather, cut: 0 };
  cluster.refill();
  cluster.revive();
}

/** In one session nobody computes a shard of an item twice. */
function onlyOnce(wrong: string[], count: (shards: number) => void): Toy['computed'] {
  const seen = new WeakMap<WorkerNode, Set<string>>();
  return (by, session, work, ranges) => {
    const known = seen.get(by) ?? new Set();
    seen.set(by, known);
    for (const { lo, hi } of ranges) {
      count(hi - lo);
      for (let s = lo; s < hi; s++) {
        const name = `${session} ${work.item} ${s}`;
        if (known.has(name)) wrong.push(`${by.address} computed shard ${s} of item ${work.item} twice`);
        known.add(name);
      }
    }
  };
}
