import type { ClusterEvent } from '../../packages/coordinator/src/sharding/effects.ts';
import type { Job } from './agenda.ts';
import { CoordinatorNode } from './coordinator-node.ts';
import { Disk } from './disk.ts';
import { Network } from './network.ts';
import { expectedJournal } from './oracle.ts';
import { Random } from './random.ts';
import { toys, WorkerNode } from './worker-node.ts';
import { World } from './world.ts';

export interface Outcome {
  readonly seed: number;
  readonly job: Job;
  /** Empty where all is as it must be. */
  readonly faults: readonly string[];
  readonly simulatedMs: number;
  readonly events: readonly ClusterEvent[];
  readonly steps: number;
}

const longestMs = 3_600_000;

/** One history: everything in it follows from its seed. */
export async function playHistory(seed: number, trace?: (line: string) => void): Promise<Outcome> {
  const random = new Random(seed);
  const world = new World(random);
  if (trace)
    world.trace = (who, effect) => trace(`${world.nowMs.toFixed(1).padStart(9)} ${who} ${JSON.stringify(effect)}`);
  const job: Job = {
    placement: random.pick(['coordinator', 'workers'] as const),
    shards: random.pick([1, 2, 5, 8, 16]),
    samples: random.integer(1, 40),
    steps: random.integer(2, 12),
    phases: random.pick([1, 1, 2]),
    evaluateEvery: random.integer(1, 6),
    checkpointEvery: random.integer(1, 6),
    minWorkers: random.integer(1, 3),
    leaseMs: 3000,
    carryMs: random.skewed(0.5, 50),
  };
  const network = new Network(world, { delayMs: [0.1, 5], duplicate: 0, cut: 0, keepaliveMs: 1000 });
  const disk = new Disk(world);
  const faults: string[] = [];
  const events: ClusterEvent[] = [];
  let finished = false;
  toys.set(world, { shards: job.shards, carryMs: job.carryMs, computed: () => undefined });
  const coordinator = new CoordinatorNode(
    world,
    network,
    disk,
    job,
    {
      committed: () => undefined,
      event: (event) => events.push(event),
      work: (item, member, ranges, arrived) => {
        for (const { lo, hi } of ranges) {
          for (let s = lo; s < hi; s++) {
            if (arrived.has(s))
              faults.push(`shard ${s} of item ${item} was given to ${member} although its sum was here`);
          }
        }
      },
      finished: () => {
        finished = true;
      },
      failed: (message) => faults.push(message),
    },
    () => undefined,
  );
  for (let i = 0; i < job.minWorkers + random.integer(0, 3); i++) {
    const name = `w${i}`;
    const reachable = job.placement === 'workers' || random.chance(0.7);
    const habits = {
      name,
      instance: name,
      sampleMs: random.skewed(0.1, 5),
      prepareMs: random.skewed(1, 200),
      reachable,
    };
    new WorkerNode(world, network, { dial: (...args) => coordinator.dial(...args) }, `${name}:1`, habits);
  }
  await world.run(() => finished || faults.length > 0, longestMs);
  // What the last steps wrote.
  await world.run(() => false, world.nowMs + 500);
  if (!finished && faults.length === 0) faults.push('it does not end');
  if (faults.length === 0) {
    const expected = expectedJournal(job);
    if (disk.journal.join('\n') !== expected.join('\n'))
      faults.push(`another journal: ${disk.journal.join(', ')}; expected ${expected.join(', ')}`);
  }
  toys.delete(world);
  return { seed, job, faults, simulatedMs: world.nowMs, events, steps: world.events };
}
