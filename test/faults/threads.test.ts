import { importJob, type RunEvent, type TrainOptions, train } from '@lockstep/coordinator';
import { random } from '@lockstep/core';
import { traceJob } from '@lockstep/core/internal';
import { Replica } from '@lockstep/worker';
import { compiledKernels, type Rescued, type ThreadFault } from '@lockstep/worker/local';
import { expect, test } from 'vitest';
import { golden, type JobName, jobs, steps } from '../support/jobs.ts';

// F2: compute threads die in every way and at every place; others take their place, and the bits are those of the undisturbed run.

async function run(job: JobName, options: TrainOptions): Promise<{ digest: string; warnings: string[] }> {
  const running = train(jobs[job], { steps, ...options });
  const events: RunEvent[] = [];
  for await (const event of running) events.push(event);
  const { digest } = await running.done;
  return { digest, warnings: events.flatMap((event) => (event.type === 'warning' ? [event.message] : [])) };
}

const replaced =
  /^Compute threads? \d \(.+\) died and (was|were) replaced; the step was done \d+ ms later, and nothing is lost\.$/;

/** A thread dies again and again, each time some tapes and instructions later than its successor began. */
function manyFaults(seed: number, threads: number, lives: number): ThreadFault[] {
  const coins = random.generator(seed);
  return Array.from({ length: lives }, (_, life) => ({
    life,
    thread: coins.int(threads),
    // A step of one phase has five tapes, or seven in thread 0.
    tapes: 7 + coins.int(12),
    instructions: coins.int(2) === 0 ? coins.int(4) : coins.int(200),
    how: coins.int(4) === 0 ? 'exit' : coins.int(2) === 0 ? 'trap' : 'throw',
  }));
}

/** Always in the update, an instruction further each time: tape 5 of a thread's first life, tape 6 of one that has to finish a step first. */
const throughTheUpdate = (thread: number): ThreadFault[] =>
  Array.from({ length: 16 }, (_, life) => ({
    life,
    thread,
    tapes: life === 0 ? 5 : 6,
    instructions: life,
    how: 'throw',
  }));

test.each([
  ['mlp', 1, manyFaults(1, 1, 6)],
  ['mlp', 3, manyFaults(2, 3, 6)],
  ['mixed', 2, manyFaults(3, 2, 8)],
  ['mixed', 2, throughTheUpdate(1)],
] as const)('%s on %d threads: half-written sums and parameters are never read', async (job, threads, faults) => {
  const { digest, warnings } = await run(job, { threads, threadFaults: { faults } });
  expect(digest, JSON.stringify(faults)).toBe(golden[job]);
  expect(warnings.filter((message) => replaced.test(message)).length).toBeGreaterThanOrEqual(faults.length - 2);
});

test('a thread whose own heap is exhausted is replaced', async () => {
  const faults = [{ thread: 1, life: 0, tapes: 12, instructions: 3, how: 'exhaust' as const }];
  const { digest, warnings } = await run('mlp', { threads: 2, threadFaults: { faults, heapLimitMb: 24 } });
  expect(digest).toBe(golden.mlp);
  expect(warnings).toEqual([expect.stringMatching(/^Compute thread 1 \(.*memory.*\) died and was replaced/)]);
});

test('threads that die at the same place again and again end the run with the reason', async () => {
  const faults = [0, 1, 2, 3].map((life) => ({ thread: 0, life, tapes: 2, instructions: 0, how: 'throw' as const }));
  await expect(run('mlp', { threads: 2, threadFaults: { faults } })).rejects.toThrow(
    /^Compute threads died 4 times at the same place \(thread 0: a fault of the test\); run again with --debug and report it\.$/,
  );
});

test('a replica goes on with the same bits as well', async () => {
  const traced = await traceJob(await importJob(jobs.mlp), { steps });
  const { spec, host, initialParameters } = traced;
  const rescues: Rescued[] = [];
  const digests: string[][] = [];
  for (const threadFaults of [[], manyFaults(4, 2, 4)]) {
    const kernels = await compiledKernels(true);
    await using replica = await closing(
      Replica.start({ spec, kernels, threads: 2, limitBytes: 2 ** 28, threadFaults, onRescue: (r) => rescues.push(r) }),
    );
    const digest = await replica.load({ step: 0, parameters: initialParameters, optimizer: {}, counters: {} });
    digests.push([digest]);
    for (let step = 0; step < 12; step++) {
      const samples = Array.from(
        { length: spec.batch.size },
        (_, i) => (step * spec.batch.size + i) % spec.trainLength,
      );
      await host.fill('train', samples, replica.inputs(samples.length));
      const { learningRates, scalars } = await host.stepValues(step, []);
      const ranges = [{ lo: 0, hi: spec.batch.shards }];
      const computed = await replica.compute({
        kind: 'train',
        step,
        phase: 0,
        samples: samples.length,
        ranges,
        scalars,
      });
      if (computed.status !== 'computed') expect.unreachable();
      replica.reduced.set(computed.nodes[0]?.values as Float32Array);
      digests.at(-1)?.push((await replica.update({ phase: 0, learningRates })).digest);
    }
  }
  expect(digests[1]).toEqual(digests[0]);
  expect(rescues.length).toBeGreaterThanOrEqual(3);
});

async function closing(starting: Promise<Replica>): Promise<Replica & AsyncDisposable> {
  const replica = await starting;
  return Object.assign(replica, { [Symbol.asyncDispose]: () => replica.close() });
}
