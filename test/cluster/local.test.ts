import { readFileSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import { ClusterWorker, Coordinator } from '../support/cluster.ts';
import { jobText, lockstep, UserFolder } from '../support/run-cli.ts';

// Local training: a round is a pure function of parameters, round and replica, whoever computes it.

const folder = new UserFolder();
const local = ['--mode', 'local', '--local-steps', '7', '--replicas', '3', '--steps', '60'];
let job: string;
let digest: string;

const journalOf = (run: string): string => readFileSync(`${folder.path}/${run}/journal.txt`, 'utf8');
const last = (stdout: string) => JSON.parse(stdout.trim().split('\n').at(-1) as string) as Record<string, unknown>;
const alone = (run: string, ...more: string[]) =>
  lockstep(['train', job, ...local, '--json', '--out', `${folder.path}/${run}`, ...more]);

beforeAll(async () => {
  // A last batch that is smaller: one epoch has 6 steps.
  job = folder.write('job.ts', jobText({ batch: '{ size: 22, shards: 7 }' }));
  digest = last((await alone('alone', '--threads', '1')).stdout).digest as string;
});

test('threads do not reach the bits, and a run can be stopped between rounds and gone on with', async () => {
  expect(last((await alone('two', '--threads', '2')).stdout).digest).toBe(digest);
  const stopped = last((await alone('parts', '--threads', '1', '--stop-at', '20')).stdout);
  expect(stopped).toMatchObject({ steps: 21, interrupted: true });
  expect(last((await alone('parts', '--threads', '2', '--resume')).stdout).digest).toBe(digest);
  expect(journalOf('parts')).toBe(journalOf('alone'));
});

test('a resume goes on in the mode that the run was begun in; another one is refused by name', async () => {
  const out = `${folder.path}/begun`;
  await lockstep(['train', job, ...local, '--outer-lr', '0.9', '--compress', 'int8', '--stop-at', '20', '--out', out]);
  const again = (...more: string[]) => lockstep(['train', job, '--resume', '--out', out, '--json', ...more]);
  for (const [flag, value, says] of [
    ['--local-steps', '5', /\(its --local-steps is 7, not 5\)/],
    ['--replicas', '2', /\(its --replicas is 3, not 2\)/],
    ['--outer-lr', '1', /\(its --outer-lr is 0\.9, not 1\)/],
    ['--compress', 'none', /\(its --compress is int8, not none\)/],
    ['--mode', 'sync', /\(its --mode is local, not sync\): .* --reduce and --mode it was made with/],
    ['--mode', 'async', /\(its --mode is local, not async\)/],
  ] as const) {
    const other = await again(flag, value);
    expect(other.stderr).toMatch(says);
    expect(other.code).toBe(2);
  }
  const resumed = await again();
  expect(resumed.stdout.split('\n')[0]).toMatch(/"mode":"local"/);
  const whole = await alone('unbroken', '--outer-lr', '0.9', '--compress', 'int8');
  expect(last(resumed.stdout).digest).toBe(last(whole.stdout).digest);
  const sync = await lockstep(['train', job, '--steps', '3', '--out', `${folder.path}/sync`]);
  expect(sync.code).toBe(0);
  const other = await lockstep(['train', job, '--resume', '--out', `${folder.path}/sync`, '--mode', 'local']);
  expect(other.stderr).toMatch(/\(its --mode is sync, not local\)/);
});

test('two workers, and one that is killed: the same bits; weights travel once a round', async () => {
  const args = [job, ...local, '--listen', '127.0.0.1:0', '--threads', '0', '--min-workers', '2'];
  await using coordinator = new Coordinator([...args, '--out', `${folder.path}/workers`]);
  const address = await coordinator.address();
  await using stack = new AsyncDisposableStack();
  const [first] = ['a', 'b'].map((name) => stack.use(new ClusterWorker(address, ['--name', name])));
  await coordinator.until(({ type, step }) => type === 'step' && (step as number) >= 14);
  first?.kill();
  expect(await coordinator.digest()).toBe(digest);
  await coordinator.exited;
  expect(journalOf('workers')).toBe(journalOf('alone'));
  expect(coordinator.ofType('start')[0]).toMatchObject({ mode: 'local', promise: expect.stringMatching(/same bits/) });
});

test('what mode local cannot train is said', async () => {
  const wide = await lockstep([
    'train',
    job,
    ...local,
    '--replicas',
    '8',
    '--threads',
    '1',
    '--out',
    `${folder.path}/w`,
  ]);
  expect(wide.stderr).toMatch(/8 replicas are more than the 7 shards/);
  const average = folder.write('ema.ts', jobText({ batch: '{ size: 22, shards: 7 }', ema: '{ decay: 0.9 }' }));
  const ema = await lockstep(['train', average, ...local, '--threads', '1', '--out', `${folder.path}/e`]);
  expect(ema.stderr).toMatch(/leave out ema/);
  const slices = await lockstep(['train', job, ...local, '--listen', '127.0.0.1:0', '--placement', 'workers']);
  expect(slices.stderr).toMatch(/needs --placement coordinator/);
});
