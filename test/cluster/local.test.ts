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

test('other numbers of local steps or replicas are other runs', async () => {
  const other = await lockstep([
    'train',
    job,
    ...local,
    '--local-steps',
    '5',
    '--resume',
    '--out',
    `${folder.path}/two`,
  ]);
  expect(other.code).toBe(2);
  expect(other.stderr).toMatch(/is a checkpoint of another run/);
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
