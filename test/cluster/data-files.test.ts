import { copyFileSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ClusterWorker, Coordinator } from '../support/cluster.ts';
import { jobText, UserFolder } from '../support/run-cli.ts';
import { expectUndisturbed } from '../support/undisturbed.ts';

// Data in files that workers read themselves (--data), where they have the same; who has other data, or none, is sent the samples. F27: files that
// change or get shorter during the run change nothing, since they were read at its start.

const columns = Array.from({ length: 40 }, (_, i) => `c${i}`);
const rows = (salt: number) =>
  Array.from({ length: 240 }, (_, r) => [...columns.map((_, c) => ((r + salt) * (c + 3)) % 17), r % 3].join(','));

test.each([
  ['coordinator', ['same', 'other', 'none']],
  ['workers', ['same', 'other']],
  ['coordinator', ['same']],
  ['coordinator', ['other']],
])('placement %s: data that %s have gives the bits of data that is sent', async (placement, names) => {
  using folder = new UserFolder();
  const file = folder.write('rows.csv', [`${columns},label`, ...rows(0)].join('\n'));
  const step = '({ model, batch }) => ({ loss: loss.crossEntropy(model.forward(batch.x), batch.label) })';
  const model = `() => new (class extends nn.Module {
    head = new nn.Linear(40, 3);
    forward(x) { return this.head.forward(x); }
  })()`;
  const data = `() => ({ train: data.csv(${JSON.stringify(file)}, { fields: { x: { columns: ${JSON.stringify(columns)} }, label: { columns: 'label', dtype: 'i32' } } }) })`;
  const job = folder.write(
    'job.ts',
    jobText({ batch: '{ size: 24, shards: 7 }', steps: '1_000_000', model, data, step }),
  );
  const out = `${folder.path}/run`;
  for (const name of ['same', 'other']) mkdirSync(`${folder.path}/${name}`);
  copyFileSync(file, `${folder.path}/same/rows.csv`);
  writeFileSync(`${folder.path}/other/rows.csv`, [`${columns},label`, ...rows(1)].join('\n'));

  const flags = [
    '--listen',
    '127.0.0.1:0',
    '--threads',
    '0',
    '--placement',
    placement,
    '--min-workers',
    String(names.length),
  ];
  await using coordinator = new Coordinator([job, ...flags, '--out', out]);
  await using stack = new AsyncDisposableStack();
  const address = await coordinator.address();
  const workers = names.map((name) => {
    const own = name === 'none' ? [] : ['--data', `${folder.path}/${name}`];
    return { name, process: stack.use(new ClusterWorker(address, ['--name', name, ...own])) };
  });
  await coordinator.nextStep(3);
  const original = readFileSync(file);
  for (const path of [file, `${folder.path}/same/rows.csv`]) truncateSync(path, original.length >>> 1);
  await coordinator.nextStep(20);
  coordinator.kill('SIGTERM');
  const digest = await coordinator.digest();
  const received = new Map<string, number>();
  for (const { name, process } of workers) {
    expect(await process.exited).toBe(0);
    received.set(name, Number(/received (\d+)/.exec(process.stderr)?.[1]));
  }
  const steps = coordinator.ofType('done')[0]?.steps as number;
  // A batch is 3840 bytes, beside parameters of 492 and messages; who reads it itself is sent indices. Of several nobody knows who gets which shards.
  const [only] = names.length === 1 ? names : [];
  if (only) expect((received.get(only) as number) / steps > 3840).toBe(only === 'other');
  writeFileSync(file, original);
  await expectUndisturbed(job, out, steps, digest);
});
