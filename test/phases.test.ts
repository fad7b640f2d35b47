import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { train } from '@lockstep/coordinator';
import { defineJob, nn, ops, optim, type Tensor } from '@lockstep/core';
import { expect, test } from 'vitest';
import type { Values } from './support/torch-vector.ts';
import { arraysOf, expectScalar, expectVector, givenLinear, vectorCase } from './support/vector-case.ts';

// Several optimizers that take turns: a GAN's steps against PyTorch's, through the whole engine.

const c = vectorCase('gan');

class Net extends nn.Module {
  fc1: nn.Linear;
  fc2: nn.Linear;
  constructor(name: string) {
    super();
    this.fc1 = givenLinear(c, `${name}.fc1`);
    this.fc2 = givenLinear(c, `${name}.fc2`);
  }
  forward(x: Tensor): Tensor {
    return this.fc2.forward(this.fc1.forward(x).tanh());
  }
}

class Gan extends nn.Module {
  G = new Net('G');
  D = new Net('D');
  forward(noise: Tensor): Tensor {
    return this.G.forward(noise);
  }
}

/** Binary cross-entropy with logits against 1 and 0. */
const real = (logit: Tensor): Tensor => ops.softplus(ops.neg(logit));
const fake = (logit: Tensor): Tensor => ops.softplus(logit);

function ganJob(options: { steps?: number; shards?: number; every?: number } = {}) {
  const adam = optim.adam({ lr: 0.01, betas: [0.5, 0.999] });
  return defineJob({
    name: 'gan',
    data: () => ({ train: arraysOf(c.inputs) }),
    model: () => new Gan(),
    batch: { size: (c.inputs.real as Values).shape[0] as number, shards: options.shards ?? 1 },
    steps: options.steps ?? 1,
    phases: [
      {
        name: 'discriminator',
        params: /^D\./,
        optimizer: adam,
        step: ({ model, batch }) => {
          const generated = model.G.forward(batch.z_d as Tensor);
          return {
            loss: ops.add(real(model.D.forward(batch.real as Tensor)), fake(model.D.forward(generated))),
          };
        },
      },
      {
        name: 'generator',
        params: /^G\./,
        optimizer: adam,
        every: options.every ?? 1,
        step: ({ model, batch }) => ({ loss: real(model.D.forward(model.G.forward(batch.z_g as Tensor))) }),
      },
    ],
  });
}

test('one step of each is PyTorch’s', async () => {
  const run = train(ganJob(), { threads: 1 });
  const events = [];
  for await (const event of run) if (event.type === 'step') events.push(event);
  const { model } = await run.done;
  expect(events).toHaveLength(1);
  expectScalar(events[0]?.metrics['discriminator.loss'], c.float64.loss_d, 'loss of D');
  expectScalar(events[0]?.metrics['generator.loss'], c.float64.loss_g, 'loss of G');
  expect(events[0]?.loss).toBe(events[0]?.metrics['discriminator.loss']);
  for (const [net, after] of Object.entries({ D: c.float64.d_params_after, G: c.float64.g_params_after })) {
    for (const [name, expected] of Object.entries<Values>(after)) {
      expectVector(model.parameters[`${net}.${name}`], expected, `${net}.${name}`);
    }
  }
  await model.close();
});

test('one digest for any threads, a journal line for each update, and the same after a resume', async () => {
  const job = ganJob({ steps: 9, shards: 3, every: 2 });
  const dirs = await Promise.all([1, 2].map(() => mkdtemp(join(tmpdir(), 'lockstep-phases-'))));
  const [whole, parts] = dirs as [string, string];
  try {
    const { digest } = await train(job, { threads: 1, out: whole }).done;
    for (const threads of [2, 3]) expect((await train(job, { threads }).done).digest).toBe(digest);
    expect((await train(job, { threads: 1, mergeShards: false, widen: false }).done).digest).toBe(digest);
    const journal = await readFile(join(whole, 'journal.txt'), 'utf8');
    const keys = journal
      .trim()
      .split('\n')
      .map((line) => line.split(' ')[0]);
    expect(keys.slice(0, 4)).toEqual(['1.discriminator', '1.generator', '2.discriminator', '3.discriminator']);
    expect(keys).toHaveLength(9 + 5);

    await train(job, { threads: 2, out: parts, stopAtStep: 4 }).done;
    expect((await train(job, { threads: 3, out: parts, resume: true }).done).digest).toBe(digest);
    expect(await readFile(join(parts, 'journal.txt'), 'utf8')).toBe(journal);
  } finally {
    for (const dir of dirs) await rm(dir, { recursive: true });
  }
});

test('phases that cannot be meant are refused', async () => {
  const phase = { name: 'a', params: /./, optimizer: optim.sgd({ lr: 1 }), step: () => ({ loss: ops.full([], 0) }) };
  const make = (phases: object[], more: object = {}) =>
    defineJob({
      name: 'bad',
      data: () => ({ train: arraysOf(c.inputs) }),
      model: () => new Gan(),
      batch: { size: 1 },
      steps: 1,
      phases: phases as never,
      ...more,
    });
  expect(() => make([])).toThrow('phases must be an array of at least one phase');
  expect(() => make([phase, phase])).toThrow('two phases have the name "a"');
  expect(() => make([{ ...phase, every: 2 }])).toThrow('one of the phases must take part in every step');
  expect(() => make([phase], { clipNorm: 1 })).toThrow('clipNorm belongs into each of the phases');
  expect(() => make([{ ...phase, params: 'D' }])).toThrow('phases[0].params must be a regular expression');
  await expect(train(make([phase, { ...phase, name: 'b' }]), { threads: 1 }).done).rejects.toThrow();
});
