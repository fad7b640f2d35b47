import { describe, expect, test } from 'vitest';
import { jobText, lockstep, UserFolder } from './support/run-cli.ts';

// Bad input gets one clear sentence that names the culprit and the remedy, an exit code, and loses nothing.

interface Bad {
  readonly what: string;
  readonly job: string;
  readonly args?: readonly string[];
  readonly code: number;
  readonly says: RegExp;
}

const cases: Bad[] = [
  {
    what: 'no default export',
    job: 'export const job = 1;',
    code: 2,
    says: /has no default export: write "export default defineJob/,
  },
  {
    what: 'a default export that is no job',
    job: 'export default {};',
    code: 2,
    says: /is not a job: wrap it in defineJob/,
  },
  { what: 'TypeScript that needs compiling', job: `enum A { B }\n${jobText()}`, code: 2, says: /replace enums/ },
  { what: 'a syntax error', job: 'export default (;', code: 2, says: /is not valid TypeScript/ },
  {
    what: 'an import that does not exist',
    job: "import x from './nowhere.ts'; export default x;",
    code: 2,
    says: /cannot be imported/,
  },
  {
    what: 'an option of the wrong kind',
    job: jobText({ batch: '{ size: 0 }' }),
    code: 2,
    says: /batch.size must be a whole number of at least 1, not 0/,
  },
  {
    what: 'more shards written than samples in a batch',
    job: jobText({ batch: '{ size: 20, shards: 21 }' }),
    code: 2,
    says: /batch.shards 21 is more than the 20 samples of a batch/,
  },
  {
    what: 'more shards by flag',
    job: jobText(),
    args: ['--shards', '21'],
    code: 2,
    says: /21 shards are more than the 20 samples/,
  },
  {
    what: 'a shape mismatch',
    job: jobText({ model: '() => { const net = new Net(); net.head = new nn.Linear(15, 3); return net; }' }),
    code: 1,
    says: /matmul in layer "head": inner sizes 16 and 15 differ \(inputs: f32\[batch, 16\] and f32\[3, 15\]/,
  },
  {
    what: 'a label out of range',
    job: jobText({
      data: '() => ({ train: data.arrays({ x: { data: new Float32Array(80), shape: [40, 2] }, label: Int32Array.from({ length: 40 }, (_, i) => (i === 23 ? 7 : 0)) }) })',
    }),
    code: 1,
    says: /Label 7 is out of range \[0, 3\) in sample 23 of the train data, field "label"/,
  },
  {
    what: 'a label out of range in the test data',
    job: jobText({
      data: '() => ({ train: data.spirals({ perClass: 40 }), test: data.arrays({ x: { data: new Float32Array(80), shape: [40, 2] }, label: Int32Array.from({ length: 40 }, (_, i) => (i === 31 ? -2 : 0)) }) })',
    }),
    code: 1,
    says: /Label -2 is out of range \[0, 3\) in sample 31 of the test data/,
  },
  {
    what: 'a label that is NaN',
    job: jobText({
      data: '() => ({ train: data.arrays({ x: { data: new Float32Array(80), shape: [40, 2] }, label: Float32Array.from({ length: 40 }, (_, i) => (i === 17 ? NaN : 1)) }) })',
    }),
    code: 1,
    says: /Label NaN is not a number in sample 17 of the train data, field "label": correct the data/,
  },
  {
    what: 'a label that is no whole number, in test data of another dtype',
    job: jobText({
      data: '() => ({ train: data.spirals({ perClass: 40 }), test: data.arrays({ x: { data: new Float32Array(80), shape: [40, 2] }, label: Float32Array.from({ length: 40 }, (_, i) => (i === 38 ? 0.5 : 1)) }) })',
    }),
    code: 1,
    says: /Sample 38 of the test data, field "label": 0.5 is no i32, the dtype of the first sample/,
  },
  {
    what: 'a weighted label out of range',
    job: jobText({
      data: '() => ({ train: data.arrays({ x: { data: new Float32Array(80), shape: [40, 2] }, label: Int32Array.from({ length: 40 }, (_, i) => (i === 9 ? 3 : 0)) }) })',
      step: '({ model, batch }) => ({ loss: loss.crossEntropy(model.forward(batch.x), batch.label, { labelSmoothing: 0.1 }) })',
    }),
    code: 1,
    says: /Label 3 is out of range \[0, 3\) in sample 9 of the train data, field "label"/,
  },
  {
    what: 'a label out of range where shards go one by one',
    job: jobText({
      data: '() => ({ train: data.arrays({ x: { data: new Float32Array(80), shape: [40, 2] }, label: Int32Array.from({ length: 40 }, (_, i) => (i === 29 ? 3 : 0)) }) })',
      step: '({ model, batch }) => ({ loss: loss.crossEntropy(model.forward(batch.x.sub(batch.x.sum(0))), batch.label) })',
    }),
    args: ['--threads', '1'],
    code: 1,
    says: /Label 3 is out of range \[0, 3\) in sample 29 of the train data, field "label"/,
  },
  {
    what: 'a field that the batch does not have',
    job: jobText({ step: '({ model, batch }) => ({ loss: loss.crossEntropy(model.forward(batch.x), batch.lable) })' }),
    code: 2,
    says: /its step uses something that is undefined \(.*\)\. Fields of the batch: x, label; scalars: none\./,
  },
  {
    what: 'a target beyond 1',
    job: jobText({
      data: '() => ({ train: data.arrays({ x: { data: new Float32Array(80), shape: [40, 2] }, y: { data: Float32Array.from({ length: 120 }, (_, i) => (i === 65 ? 255 : 0)), shape: [40, 3] } }) })',
      step: '({ model, batch }) => ({ loss: loss.bceWithLogits(model.forward(batch.x), batch.y) })',
    }),
    code: 1,
    says: /Target 255 is outside of \[0, 1\] in sample 21 of the train data, field "y": correct the data/,
  },
  {
    what: 'a sequence length beyond the data',
    job: jobText({
      data: '() => ({ train: data.arrays({ x: { data: new Float32Array(240), shape: [40, 6, 1] }, steps: Int32Array.from({ length: 40 }, (_, i) => (i === 23 ? 7 : 6)), label: new Int32Array(40) }) })',
      model: '() => { const net = new Net(); net.hidden = new nn.GRU(1, 16); return net; }',
      step: '({ model, batch }) => { const [, state] = model.hidden.forward(batch.x, { lengths: batch.steps }); return { loss: loss.crossEntropy(model.head.forward(state.reshape([-1, 16])), batch.label) }; }',
    }),
    code: 1,
    says: /Length 7 is out of range \[1, 6\] in sample 23 of the train data, field "steps" \(gru in hidden\): correct the data/,
  },
  {
    what: 'features that a recurrent layer was not made for',
    job: jobText({
      model: '() => { const net = new Net(); net.hidden = new nn.LSTM(3, 16); return net; }',
      step: '({ model, batch }) => ({ loss: model.hidden.forward(batch.x.reshape([-1, 1, 2]))[0].mean([1, 2]) })',
    }),
    code: 1,
    says: /nn.LSTM in layer "hidden": x \[batch, 1, 2\] has 2 features, but the layer was made for 3/,
  },
  {
    what: 'an empty data set',
    job: jobText({ data: '() => ({ train: { length: 0, sample: () => ({}) } })' }),
    code: 1,
    says: /The train data of job "user-job" is empty/,
  },
  {
    what: 'samples of different sizes',
    job: jobText({
      data: '() => ({ train: { length: 30, sample: (i) => ({ x: i === 17 ? [1] : [1, 2], label: 0 }) } })',
    }),
    code: 1,
    says: /Sample 17 of the train data, field "x": 1 values where every sample must have 2/,
  },
  {
    what: 'a loss that becomes NaN',
    job: jobText({ optimizer: 'optim.sgd({ lr: 1e30 })' }),
    code: 1,
    says: /Step \d+: the gradient of "[\w.]+" is not finite .*lower the learning rate/,
  },
  {
    what: 'memory beyond the limit',
    job: jobText(),
    args: ['--memory', '2'],
    code: 1,
    says: /needs [\d.]+ MiB with \d threads? \(.*kernel scratch.*\), the limit is 2.0 MiB/,
  },
  {
    what: 'a schedule that gives no number',
    job: jobText({ optimizer: 'optim.sgd({ lr: (step) => 1 / (step - 3) })' }),
    code: 2,
    says: /learning rate of step 3 is Infinity/,
  },
  { what: 'an unknown flag', job: jobText(), args: ['--treads', '2'], code: 2, says: /unknown option '--treads'/ },
  {
    what: 'a flag that is no number',
    job: jobText(),
    args: ['--threads', 'two'],
    code: 2,
    says: /whole number of at least 0/,
  },
  {
    what: 'steps and epochs at once',
    job: jobText(),
    args: ['--steps', '2', '--epochs', '3'],
    code: 2,
    says: /cannot be used with/,
  },
  ...(
    [
      [['--min-workers', '2'], /--min-workers 2 would wait for ever, since no worker can join: add --listen HOST:PORT/],
      [['--placement', 'workers'], /--placement is for runs that workers can join: add --listen HOST:PORT/],
      [['--certs', 'folder'], /--certs is for runs that workers can join: add --listen/],
      [['--token-file', 'file'], /--token-file is for runs that workers can join: add --listen/],
      [['--insecure'], /--insecure is for runs that workers can join: add --listen/],
      [['--lease', '1000'], /--lease is for runs that workers can join: add --listen/],
    ] as const
  ).flatMap(([args, says]) =>
    ['sync', 'local', 'ssp', 'async'].map((mode) => ({
      what: `mode ${mode} with ${args[0]} where nobody can join`,
      job: jobText(),
      args: ['--mode', mode, ...args],
      code: 2,
      says,
    })),
  ),
  ...['--replicas 3', '--local-steps 9', '--outer-lr 1', '--outer-momentum 0.5', '--staleness 2'].map((option) => {
    const [flag, value] = option.split(' ') as [string, string];
    const mode = flag === '--staleness' ? 'ssp' : 'local';
    return {
      what: `${flag} in mode sync`,
      job: jobText(),
      args: [flag, value],
      code: 2,
      says: new RegExp(`${flag} is for mode ${mode}, and this is mode sync: add --mode ${mode}, or leave it out`),
    };
  }),
  {
    what: 'no threads where nobody else computes',
    job: jobText(),
    args: ['--threads', '0'],
    code: 2,
    says: /from 1 to 1024, not 0: without --listen HOST:PORT nobody else computes/,
  },
  { what: 'resuming from nowhere', job: jobText(), args: ['--resume'], code: 2, says: /--resume needs --out/ },
];

describe.each(cases)('$what', ({ job, args = [], code, says }) => {
  test('is told in one sentence', async () => {
    using folder = new UserFolder();
    const path = folder.write('job.ts', job);
    const result = await lockstep(['train', path, ...args], { cwd: folder.path });
    expect(result.stderr).toMatch(says);
    expect(result.stderr).not.toMatch(/\n\s+at /);
    expect(result.code).toBe(code);
  });
});

test('a missing job file', async () => {
  const result = await lockstep(['train', 'nowhere.ts']);
  expect(result).toMatchObject({ code: 2, stdout: '' });
  expect(result.stderr.trim()).toBe('lockstep: The job file nowhere.ts does not exist.');
});

test('--debug shows the stack', async () => {
  const result = await lockstep(['train', 'nowhere.ts', '--debug']);
  expect(result.stderr).toMatch(/does not exist[\s\S]*\n\s+at /);
});
