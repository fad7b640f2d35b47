import { data, defineJob, loss, metrics, nn, optim, type Tensor } from '@lockstep/core';
import { type JobSpec, traceJob } from '@lockstep/core/internal';
import { describe, expect, test } from 'vitest';
import { checkJob } from './check-job.ts';
import { decodeJob, encodeJob } from './encode-job.ts';

class Net extends nn.Module {
  conv = new nn.Conv2d(1, 2, 3);
  norm = new nn.BatchNorm2d(2);
  head = new nn.Linear(2, 10);
  forward(image: Tensor): Tensor {
    return this.head.forward(this.norm.forward(this.conv.forward(image)).mean([2, 3]));
  }
}

const { spec } = await traceJob(
  defineJob({
    name: 'small',
    seed: 1,
    data: () => ({ train: data.glyphs({ length: 64 }), test: data.glyphs({ split: 'test', length: 16 }) }),
    model: () => new Net(),
    batch: { size: 32, shards: 2 },
    steps: 2,
    scalars: { scale: () => 1 },
    optimizer: optim.adamW(),
    clipNorm: 1,
    penalties: [{ l2: 0.1 }],
    step: ({ model, batch, scalars }) => {
      const logits = model.forward(batch.image);
      const scaled = logits.mul(scalars.scale as Tensor);
      return { loss: loss.crossEntropy(scaled, batch.label), accuracy: metrics.accuracy(logits, batch.label) };
    },
  }),
);
const limit = 2 ** 30;

/** The job with one part changed, which may be of any type. */
// biome-ignore lint/suspicious/noExplicitAny: what comes over the wire keeps to no type
function changed(change: (spec: any) => void): JobSpec {
  const copy = structuredClone(spec);
  change(copy);
  return copy;
}
const nodeOf = (job: JobSpec, op: string) => job.phases[0]?.program.nodes.find((node) => node.op === op) as never;

test('the job as it is passes', () => {
  checkJob(spec, limit);
});

test('more memory than allowed is refused before anything is planned', () => {
  expect(() => checkJob(spec, 2 ** 12)).toThrow(/Job "small" needs more than .* MiB for its parameters/);
});

describe('refused', () => {
  // biome-ignore lint/suspicious/noExplicitAny: as above
  test.each<[string, (job: any) => void, RegExp]>([
    ['another numerics version', (job) => job.numericsVersion++, /numerics version/],
    ['a name that is a path', (job) => Object.assign(job, { name: '../../etc' }), /name/],
    ['no shards', (job) => Object.assign(job.batch, { shards: 0 }), /batch\.shards is 0/],
    ['more shards than samples', (job) => Object.assign(job.batch, { shards: 33 }), /batch\.shards is 33/],
    ['half a sample', (job) => Object.assign(job.batch, { size: 32.5 }), /batch\.size is 32\.5/],
    ['a batch of 2^40', (job) => Object.assign(job.batch, { size: 2 ** 40 }), /batch\.size/],
    ['NaN steps', (job) => Object.assign(job, { steps: Number.NaN }), /steps is NaN/],
    ['a layout entry that overlaps another', (job) => Object.assign(job.layout.entries[1], { offset: 0 }), /lies at 0/],
    [
      'a layout entry beyond the end',
      (job) => Object.assign(job.layout.entries[1], { offset: 2 ** 31 }),
      /lies at|layout/,
    ],
    ['a negative shape', (job) => Object.assign(job.layout.entries[0].shape, { 0: -2 }), /a size is -2/],
    [
      'a shape whose product overflows',
      (job) => Object.assign(job.layout.entries[0], { shape: Array(8).fill(2 ** 29) }),
      /elements is/,
    ],
    [
      'a shape of 1000 dimensions',
      (job) => Object.assign(job.layout.entries[0], { shape: Array(1000).fill(1) }),
      /1000 dimensions/,
    ],
    [
      'a layout that is longer than its entries',
      (job) => Object.assign(job.layout, { length: 2 ** 40 }),
      /the layout has/,
    ],
    [
      'two parameters of one name',
      (job) => Object.assign(job.layout.entries[1], { name: job.layout.entries[0].name }),
      /twice/,
    ],
    [
      'a parameter called __proto__',
      (job) => Object.assign(job.layout.entries[1], { name: '__proto__' }),
      /may not be called/,
    ],
    [
      'a name with an escape sequence',
      (job) => Object.assign(job.fields[0], { name: '\u001b[2J' }),
      /control characters/,
    ],
    [
      'a name that turns the reading direction',
      (job) => Object.assign(job.scalars, { 0: 'a\u202eb' }),
      /control characters/,
    ],
    ['an unknown op', (job) => Object.assign(nodeOf(job, 'conv2d'), { op: 'shell' }), /unknown op/],
    [
      'an op with another shape',
      (job) => Object.assign(nodeOf(job, 'conv2d'), { shape: [2 ** 29, 2, 2, 2] }),
      /elements is|states/,
    ],
    [
      'a size of an unknown dimension',
      (job) => Object.assign(nodeOf(job, 'conv2d'), { shape: [{ coefficient: 1, symbols: ['constructor'] }] }),
      /unknown dimensions/,
    ],
    [
      'a fractional coefficient',
      (job) => Object.assign(nodeOf(job, 'conv2d'), { shape: [{ coefficient: 0.5, symbols: ['batch'] }] }),
      /a size is 0\.5/,
    ],
    [
      'an input that comes later',
      (job) => Object.assign(nodeOf(job, 'conv2d'), { inputs: [4e9, 1] }),
      /not an earlier node/,
    ],
    [
      'a parameter that is not in the layout',
      (job) => Object.assign((nodeOf(job, 'parameter') as { attributes: object }).attributes, { name: 'other' }),
      /no parameter "other"/,
    ],
    ['a field that is not in the job', (job) => Object.assign(job.fields[0], { name: 'picture' }), /no input/],
    [
      'a field of another shape',
      (job) => Object.assign(job.fields[0], { shape: [1, 28, 29] }),
      /another shape or dtype/,
    ],
    ['a scalar that is not in the job', (job) => Object.assign(job, { scalars: [] }), /no scalar/],
    [
      'a gradient of nothing',
      (job) => Object.assign(job.phases[0].program.gradients, { ghost: 1 }),
      /"ghost", which is not in the layout/,
    ],
    [
      'a gradient from a node that is not there',
      (job) => Object.assign(job.phases[0].program.gradients, { 'head.bias': 4e9 }),
      /does not exist/,
    ],
    [
      'a gradient of another shape',
      (job) => Object.assign(job.phases[0].program.gradients, { 'head.bias': 0 }),
      /another shape/,
    ],
    ['statistics without the loss', (job) => job.phases[0].program.statistics.shift(), /lack sum and weight/],
    [
      'an unknown optimizer',
      (job) => Object.assign(job.phases[0].optimizer, { kernel: 'matmul' }),
      /no optimizer "matmul"/,
    ],
    [
      'an optimizer with too many options',
      (job) => job.phases[0].optimizer.groups[0].options.push(1),
      /takes 5 finite options/,
    ],
    [
      'an optimizer with a NaN',
      (job) => Object.assign(job.phases[0].optimizer.groups[0].options, { 0: Number.NaN }),
      /finite options/,
    ],
    [
      'a vector that the optimizer does not keep',
      (job) => job.phases[0].optimizer.groups[0].vectors.push('exp'),
      /keeps vectors/,
    ],
    ['a parameter updated twice', (job) => job.phases[0].optimizer.groups[0].parameters.push('head.bias'), /twice/],
    [
      'an update of a buffer',
      (job) => job.phases[0].optimizer.groups[0].parameters.push('norm.runningMean'),
      /no parameter that is trained/,
    ],
    [
      'a buffer moved by a statistic that is not there',
      (job) => Object.assign(job.phases[0].buffers[0], { weight: 99 }),
      /weight of/,
    ],
    [
      'a penalty on what is not trained',
      (job) => job.phases[0].penalties[0].parameters.push('norm.runningMean'),
      /penalty on/,
    ],
    ['clipping at a negative norm', (job) => Object.assign(job.phases[0], { clipNorm: -1 }), /clipping at -1/],
    ['no phases', (job) => Object.assign(job, { phases: [] }), /0 phases/],
    ['an average that grows', (job) => Object.assign(job, { ema: 1.5 }), /ema\.decay/],
    [
      'an output that is not there',
      (job) => job.gathered.push({ name: 'toString', dtype: 'f32', shape: [] }),
      /may not be called/,
    ],
  ])('%s', (_, change, reason) => {
    const job = changed(change);
    expect(() => checkJob(job, limit)).toThrow(reason);
    expect(() => decodeJob(encodeJob({ spec: job }), limit)).toThrow(reason);
  });

  test('a constant whose values run over its shape', () => {
    const job = changed((copy) =>
      copy.evaluate.nodes.push({
        op: 'constant',
        inputs: [],
        attributes: { shape: [2], dtype: 'f32', data: [1, 2, 3] },
        shape: [2],
        dtype: 'f32',
        path: '',
      }),
    );
    expect(() => checkJob(job, limit)).toThrow('do not fill its shape');
  });
});
