import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { Random } from '../simulator/random.ts';
import { ClusterWorker, Coordinator } from '../support/cluster.ts';
import { jobText, UserFolder } from '../support/run-cli.ts';
import { expectUndisturbed } from '../support/undisturbed.ts';

// Real processes that come and go all the time: digest and journal are those of one undisturbed thread.

const folder = new UserFolder();
const job = folder.write(
  'job.ts',
  jobText({ batch: '{ size: 24, shards: 7 }', steps: '1_000_000', evalEvery: '1_000_000' }),
);
const seed = Number(process.env.CHAOS_SEED ?? 20251125);

/** Shards take 200 ms: a process is there a few steps after its start, and whoever is killed is in the middle of its work. */
const slow = {
  script: fileURLToPath(new URL('../support/faulty-worker.ts', import.meta.url)),
  env: { FAULT: 'slow' },
};

/** The workers of a run, named w1, w2, …; whoever is taken off it is not waited for. */
class Crowd implements AsyncDisposable {
  readonly here: { readonly name: string; readonly worker: ClusterWorker }[] = [];
  readonly #address: string;
  readonly #all: ClusterWorker[] = [];

  constructor(address: string) {
    this.#address = address;
  }

  hire(): string {
    const name = `w${this.#all.length + 1}`;
    const worker = new ClusterWorker(this.#address, ['--name', name], slow);
    this.here.push({ name, worker });
    this.#all.push(worker);
    return name;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const worker of this.#all) await worker[Symbol.asyncDispose]();
  }
}

const about = (coordinator: Coordinator, what: string, name: string) =>
  coordinator.until((event) => event.type === what && event.name === name);

function expectNoneTwice(coordinator: Coordinator): void {
  const steps = coordinator.ofType('step').map(({ step }) => step);
  expect(steps).toEqual(steps.map((_, i) => i + 1));
}

/** Ends it, and compares with one thread. */
async function expectSame(coordinator: Coordinator, out: string): Promise<void> {
  coordinator.kill('SIGTERM');
  const digest = await coordinator.digest();
  expect(await coordinator.exited).toBe(130);
  await expectUndisturbed(job, out, coordinator.ofType('done')[0]?.steps as number, digest);
}

describe.each(['coordinator', 'workers'])('placement %s', (placement) => {
  const start = (out: string, minWorkers: number) =>
    new Coordinator([
      ...[job, '--listen', '127.0.0.1:0', '--threads', '0', '--placement', placement],
      ...['--min-workers', `${minWorkers}`, '--out', out],
    ]);

  test('SIGKILL of a random worker every few steps, and another takes its place', async () => {
    console.log(`CHAOS_SEED=${seed}`);
    const random = new Random(seed);
    const out = `${folder.path}/killed-${placement}`;
    await using coordinator = start(out, 3);
    await using crowd = new Crowd(await coordinator.address());
    for (let i = 0; i < 3; i++) crowd.hire();
    const killedAt: number[] = [];
    while (killedAt.length < 6) {
      killedAt.push(await coordinator.nextStep(random.integer(0, 2)));
      const [{ name, worker }] = crowd.here.splice(random.integer(0, 2), 1) as [Crowd['here'][number]];
      worker.kill('SIGKILL');
      const next = crowd.hire();
      // What is seen of a kill is its connection.
      const lost = await about(coordinator, 'worker-lost', name);
      expect(lost.reason).toMatch(/connection/);
      await about(coordinator, 'worker-joined', next);
    }
    await coordinator.nextStep(3);
    console.log(`killed after steps ${killedAt.join(', ')}`);
    expect(coordinator.ofType('worker-lost').length).toBe(6);
    expectNoneTwice(coordinator);
    await expectSame(coordinator, out);
  });

  test('one to four workers: some join, and at each of the steps that follow one is killed or leaves', async () => {
    const random = new Random(seed + 1);
    const out = `${folder.path}/churn-${placement}`;
    await using coordinator = start(out, 1);
    await using crowd = new Crowd(await coordinator.address());
    const joined = (name: string) => about(coordinator, 'worker-joined', name);
    await joined(crowd.hire());
    // Processes take longer to start than a step takes: some are always on their way.
    let coming: Promise<unknown>[] = [];
    let changes = 0;
    while (changes < 12) {
      await coordinator.nextStep();
      if (coming.length === 0 && crowd.here.length < 4)
        coming = Array.from({ length: random.integer(1, 4 - crowd.here.length) }, () => joined(crowd.hire()));
      await Promise.all(coming);
      changes += coming.length;
      coming = [];
      // One of those who are members stays.
      for (let going = random.integer(1, crowd.here.length - 1); going > 0; going--) {
        await coordinator.nextStep();
        const [{ name, worker }] = crowd.here.splice(random.integer(0, crowd.here.length - 1), 1) as [
          Crowd['here'][number],
        ];
        worker.kill(random.chance(0.5) ? 'SIGKILL' : 'SIGTERM');
        await about(coordinator, 'worker-lost', name);
        changes++;
      }
    }
    // Where workers own the weights, the only one that has them yet may be killed: then it goes back, and the journal knows.
    if (placement === 'coordinator') expectNoneTwice(coordinator);
    await expectSame(coordinator, out);
  });
});
