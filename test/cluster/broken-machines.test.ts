import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { ClusterWorker, Coordinator } from '../support/cluster.ts';
import { jobText, UserFolder, wideModel } from '../support/run-cli.ts';
import { expectUndisturbed } from '../support/undisturbed.ts';

// Workers of other releases, with too little memory, or with memory that is broken.

const folder = new UserFolder();
const job = folder.write(
  'job.ts',
  jobText({ batch: '{ size: 24, shards: 7 }', steps: '1_000_000', model: wideModel(8000), evalEvery: '1_000_000' }),
);
const script = fileURLToPath(new URL('../support/faulty-worker.ts', import.meta.url));
const flags = (out: string, placement: string, ...more: string[]) => [
  ...[
    job,
    '--listen',
    '127.0.0.1:0',
    '--placement',
    placement,
    '--threads',
    '0',
    '--out',
    `${folder.path}/${out}`,
    ...more,
  ],
];

test('who cannot take part is told why, and the run is as if it had never come', async () => {
  await using coordinator = new Coordinator(flags('refused', 'coordinator'));
  const address = await coordinator.address();
  await using stack = new AsyncDisposableStack();
  const start = (name: string, options = {}, ...more: string[]) =>
    stack.use(new ClusterWorker(address, ['--name', name, ...more], options));
  const [kernels, numerics] = (['kernels', 'numerics'] as const).map((fault) =>
    start(fault, { script, env: { FAULT: fault } }),
  );
  const small = start('small', {}, '--memory', '1');
  expect(await kernels?.exited).toBe(1);
  expect(kernels?.stderr).toMatch(
    /Worker kernels has other kernels \(abababababab, not [0-9a-f]{12}\): use the same release/,
  );
  expect(await numerics?.exited).toBe(1);
  expect(numerics?.stderr).toMatch(/has numerics version 99, the coordinator \d+: use the same release/);
  expect(await small.exited).toBe(1);
  expect(small.stderr).toMatch(
    /Worker small cannot run this job: Job "user-job" needs .* MiB .* the limit is 1\.0 MiB/,
  );
  const good = start('good');
  await coordinator.nextStep(3);
  coordinator.kill('SIGTERM');
  const digest = await coordinator.digest();
  expect(await good.exited).toBe(0);
  expect(coordinator.ofType('worker-joined').map(({ name }) => name)).toEqual(['good']);
  expect(coordinator.ofType('done')[0]?.refused).toMatchObject({ TURNED_AWAY: 3 });
  const warnings = coordinator.ofType('warning').map(({ message }) => message);
  expect(warnings).toContainEqual(expect.stringContaining('Worker small cannot run this job'));
  await expectUndisturbed(job, `${folder.path}/refused`, coordinator.ofType('done')[0]?.steps as number, digest);
});

test('a bit that flips in the memory of a worker is noticed where others hold the same weights', async () => {
  await using coordinator = new Coordinator(flags('memory', 'workers', '--min-workers', '2'));
  const address = await coordinator.address();
  await using good = new ClusterWorker(address, ['--name', 'good']);
  await using bad = new ClusterWorker(address, ['--name', 'bad'], {
    script,
    env: { FAULT: 'memory', FAULT_FROM: '5' },
  });
  const warning = await coordinator.until(
    ({ type, message }) => type === 'warning' && /computes wrongly/.test(`${message}`),
  );
  expect(warning.message).toMatch(
    /After step 5 the weights of worker (good|bad) \([0-9a-f]{32}\) are not those of (good|bad)/,
  );
  // Which of two is right nobody can tell: whoever was later goes, and takes the state anew when it comes back.
  const { name } = await coordinator.until(({ type }) => type === 'worker-lost');
  expect(warning.message).toContain(`${name} is left out`);
  await coordinator.until(({ type, name: back }) => type === 'worker-joined' && back === name);
  good.kill();
  bad.kill();
});
