import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ClusterWorker, Coordinator, freePort } from '../support/cluster.ts';
import { jobText, UserFolder } from '../support/run-cli.ts';
import { expectUndisturbed, journalOf } from '../support/undisturbed.ts';

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
    `No strace here (${probe.error?.message ?? probe.stderr.trim()}): the disk does not fail here; test/faults/disk.test.ts shows what then happens.`,
  );

/** Lets the kernel answer system calls otherwise: `fsync:error=EIO:when=6` fails in the sixth one of each thread. */
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

/** Preloaded, it sends SIGKILL to its process at the operation that DIE_AT names. */
const dyingDisk = new URL('../support/dying-disk.mjs', import.meta.url).href;

/** What is left of a checkpoint that was being written: the files of its folder under the temporary name. */
function leftovers(out: string): string[] {
  const [temporary, ...more] = readdirSync(out).filter((name) => name.startsWith('.tmp-'));
  expect(more).toEqual([]);
  return temporary === undefined ? [] : readdirSync(`${out}/${temporary}`).sort();
}

const checkpointsIn = (out: string): string[] =>
  readdirSync(out)
    .filter((name) => name.startsWith('step-'))
    .sort();

const nameOf = (step: number): string => `step-${String(step).padStart(9, '0')}`;

const all = ['manifest.json', 'model.json', 'model.safetensors', 'optimizer.safetensors'];

/** Where the coordinator dies in its second checkpoint, and which files of it are left under the temporary name. */
const deaths: [at: string, left: string[]][] = [
  // Half of the file is there.
  ['write \\.tmp-.*optimizer\\.safetensors 2', ['model.safetensors', 'optimizer.safetensors']],
  ['sync \\.tmp-.*manifest\\.json 2', all],
  ['rename step-\\d+$ 2', all],
  // Nothing is left of it: it has its name, which was not forced to disk.
  ['renamed step-\\d+$ 2', []],
];

test.each(['coordinator', 'workers'])(
  'placement %s: SIGKILL of the coordinator between write, fsync and rename of a checkpoint, and --resume each time',
  async (placement) => {
    const out = `${folder.path}/killed-${placement}`;
    const flags = ['--listen', `127.0.0.1:${await freePort()}`, '--threads', '0', '--placement', placement];
    const start = (env: Record<string, string>, ...more: string[]) =>
      new Coordinator([job, ...flags, '--min-workers', '2', '--out', out, ...more], { env });
    let reached = 0;
    await using stack = new AsyncDisposableStack();
    const workers = ['a', 'b'].map((name) =>
      stack.use(new ClusterWorker(flags[1] as string, ['--name', name, '--wait', '60'])),
    );
    for (const [i, [at, left]] of deaths.entries()) {
      const NODE_OPTIONS = `--import ${dyingDisk}`;
      await using dying = start({ NODE_OPTIONS, DIE_AT: at }, ...(i > 0 ? ['--resume'] : []));
      await dying.exited;
      expect(dying.child.signalCode).toBe('SIGKILL');
      expect(dying.ofType('done')).toEqual([]);
      // It went on from the one before, wrote one, and died within the next.
      const fromStep = 10 * i;
      expect(dying.ofType('start')[0]).toMatchObject({ fromStep });
      expect(leftovers(out)).toEqual(left);
      const last = fromStep + 20;
      expect(checkpointsIn(out).at(-1)).toBe(nameOf(left.length > 0 ? last - 10 : last));
      if (at.startsWith('write')) expect(halfWritten(out)).toBe(true);
      // A checkpoint is never ahead of the journal.
      const lines = journalOf(out).split('\n').length - 1;
      expect(lines).toBeGreaterThanOrEqual(last);
      reached = Math.max(reached, lines, ...dying.ofType('step').map(({ step }) => step as number));
    }
    await using healthy = start({}, '--resume');
    await healthy.until(({ type, step }) => type === 'step' && (step as number) > reached);
    await healthy.until(({ type, step }) => type === 'checkpoint' && (step as number) > reached);
    healthy.kill('SIGTERM');
    const digest = await healthy.digest();
    expect(await Promise.all(workers.map(({ exited }) => exited))).toEqual([0, 0]);
    // What was half-written is gone.
    expect(readdirSync(out).filter((name) => name.startsWith('.tmp-'))).toEqual([]);
    await expectUndisturbed(job, out, healthy.ofType('done')[0]?.steps as number, digest);
  },
);

/** Whether the optimizer's state under the temporary name is shorter than that of the checkpoint before. */
function halfWritten(out: string): boolean {
  const [temporary = ''] = readdirSync(out).filter((name) => name.startsWith('.tmp-'));
  const size = (name: string | undefined) => statSync(`${out}/${name}/optimizer.safetensors`).size;
  return size(temporary) > 0 && size(temporary) < size(checkpointsIn(out).at(-1));
}

test.each(['coordinator', 'workers'])(
  'placement %s: a disk that fails within a checkpoint is an alarm, and a later one is written',
  async (placement) => {
    const out = `${folder.path}/${placement}`;
    const flags = ['--listen', '127.0.0.1:0', '--threads', '0', '--placement', placement, '--min-workers', '2'];
    // By thread. A start syncs less than six times; a disk that fails there refuses the run (storage/fence.test.ts).
    const launcher = injected('fsync:error=EIO:when=6', 'rename:error=ENOSPC:when=4');
    await using failing = new Coordinator([job, ...flags, '--out', out], { launcher });
    const address = await failing.address();
    await using stack = new AsyncDisposableStack();
    const workers = ['a', 'b'].map((name) => stack.use(new ClusterWorker(address, ['--name', name])));
    if (traced) {
      const alarms = () =>
        failing.ofType('warning').filter(({ message }) => /could not be written .*(EIO|ENOSPC)/.test(`${message}`));
      await failing.until(() => alarms().length >= 1);
    }
    const { length } = failing.ofType('checkpoint');
    await failing.until(() => failing.ofType('checkpoint').length > length);
    failing.kill('SIGTERM');
    const digest = await failing.digest();
    expect(await Promise.all(workers.map(({ exited }) => exited))).toEqual([0, 0]);
    await expectUndisturbed(job, out, failing.ofType('done')[0]?.steps as number, digest);
  },
);

test.each(['coordinator', 'workers'])(
  'placement %s: a coordinator that is frozen, and wakes after another one went on with other workers, ends and writes nothing more',
  async (placement) => {
    const out = `${folder.path}/two-${placement}`;
    const flags = ['--listen', '127.0.0.1:0', '--threads', '0', '--placement', placement, '--min-workers', '2'];
    await using stack = new AsyncDisposableStack();
    const start = async (names: readonly string[], ...more: string[]) => {
      const coordinator = stack.use(new Coordinator([job, ...flags, '--out', out, ...more]));
      const address = await coordinator.address();
      const workers = names.map((name) => stack.use(new ClusterWorker(address, ['--name', name])));
      return { coordinator, workers };
    };
    const first = (await start(['a', 'b'])).coordinator;
    await first.until(({ type }) => type === 'checkpoint');
    first.kill('SIGSTOP');
    const reached = Math.max(...first.ofType('step').map(({ step }) => step as number));
    const { coordinator: second, workers } = await start(['c', 'd'], '--resume');
    const past = async (step: number) => {
      await second.until((event) => event.type === 'step' && (event.step as number) > step);
      await second.until((event) => event.type === 'checkpoint' && (event.step as number) > step);
    };
    await past(reached + 20);
    first.kill('SIGCONT');
    expect(await first.exited).toBe(1);
    expect(first.stderr).toMatch(
      /^lockstep: Another process has gone on with the run of .* \(start 2, this one is 1\): this one stops and writes nothing more\.$/m,
    );
    expect(first.ofType('done')).toEqual([]);
    // The other one noticed nothing of it, and what it writes is nobody else's.
    await past(Math.max(...second.ofType('step').map(({ step }) => step as number)));
    expect(second.ofType('worker-lost')).toEqual([]);
    second.kill('SIGTERM');
    const digest = await second.digest();
    expect(await Promise.all(workers.map(({ exited }) => exited))).toEqual([0, 0]);
    await expectUndisturbed(job, out, second.ofType('done')[0]?.steps as number, digest);
  },
);

test('an event loop that stands still for longer than a lease evicts nobody', async () => {
  const still = folder.write(
    'still.ts',
    jobText({
      batch: '{ size: 24, shards: 7 }',
      steps: '1_000_000',
      // The schedule is evaluated on the coordinator's event loop.
      optimizer: `optim.sgd({ lr: (step) => {
        if (step === 12 && process.env.STAND_STILL) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 4000);
        return 0.1;
      }, momentum: 0.9 })`,
    }),
  );
  const out = `${folder.path}/still`;
  const flags = ['--listen', '127.0.0.1:0', '--threads', '0', '--min-workers', '2', '--lease', '3000', '--out', out];
  await using coordinator = new Coordinator([still, ...flags], { env: { STAND_STILL: 'yes' } });
  const address = await coordinator.address();
  await using stack = new AsyncDisposableStack();
  for (const name of ['a', 'b']) stack.use(new ClusterWorker(address, ['--name', name]));
  await coordinator.until(({ type, step }) => type === 'step' && (step as number) >= 16);
  coordinator.kill('SIGTERM');
  const digest = await coordinator.digest();
  expect(await coordinator.exited).toBe(130);
  expect(coordinator.ofType('worker-lost')).toEqual([]);
  await expectUndisturbed(still, out, coordinator.ofType('done')[0]?.steps as number, digest);
});
