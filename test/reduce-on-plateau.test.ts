import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TrainOptions, train } from '@lockstep/coordinator';
import { data, defineJob, loss, ManualOptimizer, nn, optim } from '@lockstep/core';
import { expect, test } from 'vitest';

// The plateau schedule in a run: the rates follow the evaluations' losses, on any number of threads and over a stop and resume.

const plateau = { lr: 0.8, factor: 0.5, patience: 0, threshold: 0.05 };
const job = defineJob({
  name: 'plateau',
  seed: 3,
  data: () => ({ train: data.spirals({ perClass: 40 }), test: data.spirals({ perClass: 20, seed: 9 }) }),
  model: () => new nn.Linear(2, 3),
  batch: { size: 30, shards: 4 },
  steps: 36,
  evalEvery: 3,
  optimizer: optim.sgd({ lr: optim.reduceOnPlateau(plateau), groups: [{ params: /bias/, lr: 0.1 }] }),
  step: ({ model, batch }) => ({ loss: loss.crossEntropy(model.forward(batch.x), batch.label) }),
});

async function run(options: TrainOptions) {
  const rates: number[] = [];
  const losses: { step: number; loss: number }[] = [];
  const running = train(job, options);
  for await (const event of running) {
    if (event.type === 'step') rates.push(event.learningRate);
    if (event.type === 'eval') losses.push({ step: event.step, loss: event.metrics.loss as number });
  }
  const { model, digest } = await running.done;
  await model.close();
  return { rates, losses, digest };
}

test('the rate of each step follows from the evaluations before it, on 1, 2 and 3 threads alike', async () => {
  const runs = [];
  for (const threads of [1, 2, 3]) runs.push(await run({ threads }));
  const [first] = runs;
  expect(runs).toEqual([first, first, first]);
  const schedule = optim.reduceOnPlateau(plateau);
  // The first group is that of the biases; its rate is the one that events tell.
  expect(new Set(first?.rates)).toEqual(new Set([0.1]));
  const wanted = Array.from({ length: job.steps as number }, (_, step) =>
    schedule.at(
      step,
      36,
      first?.losses.filter((evaluation) => evaluation.step <= step).map((e) => e.loss),
    ),
  );
  expect(new Set(wanted).size).toBeGreaterThan(2);
  const folder = await mkdtemp(join(tmpdir(), 'plateau-'));
  try {
    await run({ threads: 2, out: folder });
    const journal = await readFile(join(folder, 'journal.txt'), 'utf8');
    const written = [...journal.matchAll(/lr=\w+,(\w{16})/g)].map(([, bits]) =>
      Buffer.from(bits as string, 'hex').readDoubleBE(),
    );
    expect(written).toEqual(wanted);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test.each([1, 8, 9, 10, 17, 30])(
  'stopped after step %i and resumed with other threads: the same run',
  async (stopAtStep) => {
    const folder = await mkdtemp(join(tmpdir(), 'plateau-'));
    try {
      const whole = await run({ threads: 1 });
      const before = await run({ threads: 2, out: folder, stopAtStep });
      const after = await run({ threads: 3, out: folder, resume: true });
      expect(after.digest).toBe(whole.digest);
      expect([...before.losses, ...after.losses]).toEqual(whole.losses);
    } finally {
      await rm(folder, { recursive: true });
    }
  },
);

test('a run that is made longer goes on as the longer run', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'plateau-'));
  try {
    const whole = await run({ threads: 1 });
    // Its last evaluation, at step 20, is one that the longer run does not have.
    await run({ threads: 1, out: folder, steps: 20 });
    const after = await run({ threads: 1, out: folder, resume: true });
    expect(after.digest).toBe(whole.digest);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('without evaluations it is refused', async () => {
  const untested = { ...job, data: () => ({ train: data.spirals({ perClass: 40 }) }) };
  await expect(train(untested, { threads: 1 }).done).rejects.toThrow(
    'Job "plateau": reduceOnPlateau needs test data: let data() return { train, test }.',
  );
  const make = () =>
    new ManualOptimizer(optim.sgd({ lr: optim.reduceOnPlateau(plateau) }), { w: { shape: [1], data: [1] } });
  expect(make).toThrow('ManualOptimizer: reduceOnPlateau needs the evaluations of a run; give another lr.');
});
