import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ClusterWorker, Coordinator, freePort } from '../support/cluster.ts';
import { jobText, UserFolder } from '../support/run-cli.ts';
import { expectUndisturbed } from '../support/undisturbed.ts';

// F7, F23, F24, F29: the coordinator of a cluster dies within any system call of a checkpoint, its disk fails, its event loop stands still.

const folder = new UserFolder();
const job = folder.write(
  'job.ts',
  jobText({ batch: '{ size: 24, shards: 7 }', steps: '1_000_000', checkpointEvery: '10' }),
);
const probe = spawnSync('strace', ['-f', '-qq', '-e', 'inject=fsync:error=EIO', 'true'], {
  encoding: 'utf8',
});
const traced = probe.status === 0;
if (!traced)
  console.log(
    `No strace here (${probe.error?.message ?? probe.stderr.trim()}): the coordinator is killed when it says that a checkpoint is there, and the disk failures are those of test/faults/disk.test.ts.`,
  );

/** Lets the kernel answer system calls otherwise: `fsync:signal=SIGKILL:when=2` dies in the second one. */
const injected = (...rules: readonly string[]): readonly string[] => {
  if (!traced || rules.length === 0) return [];
  const calls = rules.map((rule) => rule.split(':')[0]).join(',');
  return [
    'strace',
    '-f',
    '-qq',
    '-o',
    '/dev/null',
    '-e',
    `trace=${calls}`,
    ...rules.flatMap((rule) => ['-e', `inject=${rule}`]),
  ];
};

// In the fsync of the journal or of a file of a checkpoint, in the rename of a file or of the whole; strace counts them by thread.
test.each([
  ['coordinator', 'fsync:signal=SIGKILL:when=2', 'rename:signal=SIGKILL:when=2'],
  ['workers', 'fsync:signal=SIGKILL:when=5', 'rename:signal=SIGKILL:when=4'],
])(
  'placement %s: SIGKILL of the coordinator in fsync and rename, a disk that fails, and --resume each time',
  async (placement, ...rules) => {
    const out = `${folder.path}/${placement}`;
    const flags = ['--listen', `127.0.0.1:${await freePort()}`, '--threads', '0', '--placement', placement];
    const start = (...rules: string[]) =>
      new Coordinator([job, ...flags, '--min-workers', '2', '--out', out, ...resume], { launcher: injected(...rules) });
    let resume: string[] = [];
    let reached = 0;
    await using stack = new AsyncDisposableStack();
    const workers = ['a', 'b'].map((name) =>
      stack.use(new ClusterWorker(flags[1] as string, ['--name', name, '--wait', '60'])),
    );
    for (const rule of rules) {
      await using dying = start(rule);
      if (!traced)
        void dying
          .until(({ type }) => type === 'checkpoint')
          .then(
            () => dying.kill(),
            () => undefined,
          );
      await dying.exited;
      expect(dying.ofType('done')).toEqual([]);
      reached = Math.max(reached, ...dying.ofType('step').map(({ step }) => step as number));
      resume = ['--resume'];
    }
    // A start syncs less than six times; a disk that fails there refuses the run (storage/fence.test.ts).
    await using failing = start('fsync:error=EIO:when=6', 'rename:error=ENOSPC:when=4');
    if (traced) {
      const alarms = () =>
        failing.ofType('warning').filter(({ message }) => /could not be written .*(EIO|ENOSPC)/.test(`${message}`));
      await failing.until(() => alarms().length >= 1);
      const { length } = failing.ofType('checkpoint');
      await failing.until(() => failing.ofType('checkpoint').length > length);
    }
    // The journal knows as many steps as any of them has made, a few more than those that were reported.
    await failing.until(({ type, step }) => type === 'step' && (step as number) > reached + 20);
    failing.kill('SIGTERM');
    const digest = await failing.digest();
    expect(await Promise.all(workers.map(({ exited }) => exited))).toEqual([0, 0]);
    await expectUndisturbed(job, out, failing.ofType('done')[0]?.steps as number, digest);
  },
);

test('an event loop that stands still for longer than a lease evicts nobody', async () => {
  const still = folder.write(
    'still.ts',
    jobText({
      batch: '{ size: 24, shards: 7 }',
      steps: '1_000_000',
      // The schedule is evaluated on the coordinator's event loop.
      optimizer:
        'optim.sgd({ lr: (step) => { if (step === 12) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 4000); return 0.1; }, momentum: 0.9 })',
    }),
  );
  const out = `${folder.path}/still`;
  await using coordinator = new Coordinator([
    still,
    '--listen',
    '127.0.0.1:0',
    '--threads',
    '0',
    '--min-workers',
    '2',
    '--lease',
    '3000',
    '--out',
    out,
  ]);
  const address = await coordinator.address();
  await using stack = new AsyncDisposableStack();
  for (const name of ['a', 'b']) stack.use(new ClusterWorker(address, ['--name', name]));
  await coordinator.until(({ type, step }) => type === 'step' && (step as number) >= 16);
  coordinator.kill('SIGTERM');
  expect(await coordinator.exited).toBe(130);
  expect(coordinator.ofType('worker-lost')).toEqual([]);
  expect(readFileSync(`${out}/journal.txt`, 'utf8').length).toBeGreaterThan(0);
});
