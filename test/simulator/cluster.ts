import type { Job } from './agenda.ts';
import { CoordinatorNode, type Watch } from './coordinator-node.ts';
import { Disk } from './disk.ts';
import { Network, type Weather } from './network.ts';
import { WorkerNode } from './worker-node.ts';
import type { World } from './world.ts';

/** All processes of a history, and those who start them again. */
export class Cluster {
  readonly world: World;
  readonly network: Network;
  readonly disk: Disk;
  workers: WorkerNode[] = [];
  coordinator: CoordinatorNode;
  readonly #job: Job;
  readonly #watch: Watch;
  #diskFails: { readonly untilMs: number; readonly code: string } | undefined;
  #names = 0;
  #coordinators: CoordinatorNode[] = [];

  constructor(world: World, job: Job, weather: Weather, watch: Watch) {
    this.world = world;
    this.network = new Network(world, weather);
    this.disk = new Disk(world);
    this.#job = job;
    this.#watch = watch;
    this.coordinator = this.#newCoordinator();
  }

  join(): void {
    const { random } = this.world;
    const name = `w${++this.#names}`;
    const reachable = this.#job.placement === 'workers' || random.chance(0.7);
    const habits = {
      name,
      instance: name,
      sampleMs: random.skewed(0.1, 10),
      slowness: 1,
      prepareMs: random.skewed(1, 300),
      updateMs: random.skewed(0.1, 50),
      reachable,
    };
    const door = { dial: (...args: Parameters<CoordinatorNode['dial']>) => this.#whoAnswers().dial(...args) };
    this.workers.push(new WorkerNode(this.world, this.network, door, `${name}:1`, habits));
  }

  /** Where there are two coordinators an address may still lead to the one that was replaced. */
  #whoAnswers(): CoordinatorNode {
    const alive = this.#coordinators.filter(({ process }) => process.alive);
    const old = alive.length > 1 && this.world.random.chance(0.2) ? alive[0] : undefined;
    return old ?? this.coordinator;
  }

  /** Those who are needed are there. */
  refill(): void {
    this.#bury();
    while (this.workers.length < this.#job.minWorkers) this.join();
  }

  /** @param mute nobody is told, as when the power goes */
  kill(worker: WorkerNode, mute: boolean, backMs: number): void {
    worker.process.kill();
    this.network.died(worker.process, mute);
    this.#bury();
    this.world.after(backMs, () => this.refill());
  }

  restartCoordinator(how: 'kill' | 'powerCut', backMs: number): void {
    // A power cut takes all that run beside that disk.
    const dying = how === 'powerCut' ? this.#coordinators : [this.coordinator];
    for (const { process } of dying) {
      process.kill();
      this.network.died(process, how === 'powerCut');
    }
    if (how === 'powerCut') this.disk.powerCut();
    this.world.after(backMs, () => this.revive());
  }

  /** A supervisor's work: where no coordinator is alive, one is started. */
  revive(): void {
    if (!this.coordinator.process.alive) this.coordinator = this.#newCoordinator();
  }

  /** The one that is there hangs; another one is started in its place, and then it wakes up. */
  secondCoordinator(ms: number): void {
    this.coordinator.process.freeze(ms);
    this.coordinator = this.#newCoordinator();
  }

  diskFailsMs(ms: number, code: string): void {
    this.#diskFails = { untilMs: this.world.nowMs + ms, code };
  }

  #newCoordinator(): CoordinatorNode {
    const failing = () => {
      const fails = this.#diskFails;
      return fails && this.world.nowMs < fails.untilMs ? fails.code : undefined;
    };
    const node = new CoordinatorNode(this.world, this.network, this.disk, this.#job, this.#watch, failing);
    this.#coordinators = [...this.#coordinators.filter(({ process }) => process.alive), node];
    node.died = () => this.world.after(500, () => this.revive());
    return node;
  }

  #bury(): void {
    this.workers = this.workers.filter(({ process, ended }) => process.alive && !ended);
  }
}
