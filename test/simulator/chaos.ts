import type { Cluster } from './cluster.ts';
import type { Random } from './random.ts';

/** What can happen, and how often beside the others. */
type Fault =
  | 'kill'
  | 'powerLoss'
  | 'freeze'
  | 'cut'
  | 'silence'
  | 'join'
  | 'leave'
  | 'slow'
  | 'killAll'
  | 'coordinatorKill'
  | 'coordinatorPowerCut'
  | 'coordinatorFreeze'
  | 'secondCoordinator'
  | 'diskFails';

const faults: readonly Fault[] = [
  'kill',
  'powerLoss',
  'freeze',
  'cut',
  'silence',
  'join',
  'leave',
  'slow',
  'killAll',
  'coordinatorKill',
  'coordinatorPowerCut',
  'coordinatorFreeze',
  'secondCoordinator',
  'diskFails',
];

/** A history has a few kinds of faults, often, rather than all of them, seldom: so they meet each other. */
export function drawFaults(random: Random): Fault[] {
  // Lost workers are the most frequent of all faults, and the hardest where the next one is lost while the others regroup.
  if (random.chance(0.25)) return ['kill', 'cut', 'join'];
  return Array.from({ length: random.integer(1, 5) }, () => random.pick(faults));
}

/** Lets things happen to a cluster, at random, until `untilMs`. */
export function unleash(cluster: Cluster, kinds: readonly Fault[], meanMs: number, untilMs: number): void {
  const { world } = cluster;
  const again = (waitMs: number) => {
    world.after(waitMs, () => {
      if (world.nowMs >= untilMs) return;
      happen(cluster, world.random.pick(kinds), world.random);
      again(world.random.skewed(meanMs / 10, meanMs * 3));
    });
  };
  // Not before there is something to disturb.
  again(300 + world.random.skewed(1, 500));
}

function happen(cluster: Cluster, fault: Fault, random: Random): void {
  cluster.world.trace('CHAOS', { fault });
  const worker = cluster.workers.length > 0 ? random.pick(cluster.workers) : undefined;
  const backMs = random.skewed(5, 2000);
  const { coordinator, network } = cluster;
  if (fault === 'kill' || fault === 'powerLoss') {
    if (worker) cluster.kill(worker, fault === 'powerLoss', backMs);
  } else if (fault === 'freeze') worker?.process.freeze(random.skewed(100, 15_000));
  else if (fault === 'cut') {
    if (worker) network.cut(worker.process);
  } else if (fault === 'silence') {
    // One way or both ways, with the coordinator or with another worker.
    const other = random.chance(0.5) ? coordinator.process : random.pick(cluster.workers)?.process;
    const ms = random.skewed(200, 15_000);
    if (!worker || !other || other === worker.process) return;
    const [a, b] = random.chance(0.5) ? [worker.process, other] : [other, worker.process];
    network.silence(a, b, ms);
    if (random.chance(0.5)) network.silence(b, a, ms);
  } else if (fault === 'join') {
    if (cluster.workers.length < 6) cluster.join();
  } else if (fault === 'leave') {
    if (worker) {
      worker.process.now(() => worker.handle({ kind: 'leave', reason: 'SIGTERM' }));
      cluster.world.after(backMs, () => cluster.refill());
    }
  } else if (fault === 'slow') {
    if (worker) {
      worker.habits.slowness = random.skewed(3, 30);
      cluster.world.after(random.skewed(500, 10_000), () => {
        worker.habits.slowness = 1;
      });
    }
  } else if (fault === 'killAll') for (const each of [...cluster.workers]) cluster.kill(each, false, backMs);
  else if (fault === 'coordinatorKill') cluster.restartCoordinator('kill', backMs);
  else if (fault === 'coordinatorPowerCut') cluster.restartCoordinator('powerCut', backMs);
  else if (fault === 'coordinatorFreeze') coordinator.process.freeze(random.skewed(100, 15_000));
  else if (fault === 'secondCoordinator') cluster.secondCoordinator(random.skewed(100, 10_000));
  else cluster.diskFailsMs(random.skewed(10, 3000), random.pick(['ENOSPC', 'EIO']));
}
