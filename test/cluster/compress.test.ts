import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { ClusterWorker, Coordinator } from '../support/cluster.ts';
import { jobText, lockstep, UserFolder } from '../support/run-cli.ts';

// Gradients and ways that are made small on their way: how much smaller, and what is still promised.

const folder = new UserFolder();
const spirals = fileURLToPath(new URL('../../examples/mlp-spirals.ts', import.meta.url));

const last = (stdout: string) => JSON.parse(stdout.trim().split('\n').at(-1) as string) as Record<string, unknown>;
const journalOf = (run: string): string => readFileSync(`${folder.path}/${run}/journal.txt`, 'utf8');

/** A run with two workers; `meanwhile` may be unkind to the first. */
async function withWorkers(
  args: readonly string[],
  meanwhile: (coordinator: Coordinator, first: ClusterWorker) => Promise<void> = async () => undefined,
): Promise<Coordinator> {
  const cluster = ['--listen', '127.0.0.1:0', '--threads', '0', '--min-workers', '2'];
  const coordinator = new Coordinator([...args, ...cluster]);
  await using stack = new AsyncDisposableStack();
  stack.use(coordinator);
  const address = await coordinator.address();
  const [first] = ['a', 'b'].map((name) => stack.use(new ClusterWorker(address, ['--name', name])));
  await meanwhile(coordinator, first as ClusterWorker);
  expect(await coordinator.exited).toBe(0);
  return coordinator;
}

const received = (coordinator: Coordinator): number =>
  (coordinator.ofType('done') as unknown as [{ traffic: { receivedBytes: number } }])[0].traffic.receivedBytes;

describe('mode async', () => {
  const steps = 200;
  const run = (compress: string) =>
    withWorkers([
      spirals,
      '--mode',
      'async',
      '--steps',
      `${steps}`,
      '--compress',
      compress,
      '--out',
      `${folder.path}/${compress}`,
    ]);
  let plain: number;

  beforeAll(async () => {
    plain = received(await run('none'));
  });

  // Of 4 bytes an element int8 leaves 1, top-k 6 of a hundredth, and rank 2 of a 64 x 64 matrix a sixteenth; the rest is what is never compressed.
  test.each([
    ['int8', 3.9],
    ['topk:0.02', 30],
    ['powersgd:2', 6],
  ])('%s: a worker sends at most a share of 1 / %s, and it learns', async (compress, factor) => {
    const coordinator = await run(compress);
    expect(received(coordinator)).toBeLessThan(plain / factor);
    const losses = coordinator.ofType('step').map(({ loss }) => loss as number);
    const mean = (part: number[]) => part.reduce((a, b) => a + b, 0) / part.length;
    expect(mean(losses.slice(-20))).toBeLessThan(0.75 * mean(losses.slice(0, 20)));
    expect(coordinator.ofType('start')[0]?.promise).toMatch(`what ${compress} leaves out`);
  });
});

describe.each(['int8', 'topk:0.1', 'powersgd:1'])('mode local, %s', (compress) => {
  const name = compress.replace(/\W/g, '');
  const args = (run: string, ...more: string[]): string[] => [
    ...[folder.write('job.ts', jobText({ batch: '{ size: 22, shards: 7 }' })), '--mode', 'local', '--local-steps', '5'],
    ...['--replicas', '3', '--steps', '60', '--compress', compress, '--out', `${folder.path}/${run}`, ...more],
  ];

  test('the same bits for one thread, two workers, one that is killed, and after a resume', async () => {
    const alone = await lockstep(['train', ...args(`alone${name}`), '--threads', '1', '--json']);
    const { digest } = last(alone.stdout);
    const coordinator = await withWorkers(args(`workers${name}`), async (running, first) => {
      await running.until(({ type, step }) => type === 'step' && (step as number) >= 15);
      first.kill();
    });
    expect(await coordinator.digest()).toBe(digest);
    expect(journalOf(`workers${name}`)).toBe(journalOf(`alone${name}`));
    await lockstep(['train', ...args(`parts${name}`), '--threads', '2', '--stop-at', '25']);
    const rest = await lockstep(['train', ...args(`parts${name}`), '--threads', '1', '--resume', '--json']);
    expect(last(rest.stdout).digest).toBe(digest);
    const other = await lockstep([
      'train',
      ...args(`parts${name}`),
      '--threads',
      '1',
      '--resume',
      '--compress',
      'none',
    ]);
    expect(other.stderr).toMatch(/is a checkpoint of another run/);
  });
});

test('mode sync refuses to lose anything, and what is no compression is said', async () => {
  const sync = await lockstep(['train', spirals, '--listen', '127.0.0.1:0', '--compress', 'int8']);
  expect(sync.code).toBe(2);
  expect(sync.stderr).toMatch(/mode sync adds all of it: choose --mode local, ssp or async, or --reduce bf16/);
  const alone = await lockstep(['train', spirals, '--compress', 'int8']);
  expect(alone.stderr).toMatch(/--compress/);
  const bad = await lockstep(['train', spirals, '--mode', 'async', '--compress', 'zip']);
  expect(bad.code).toBe(2);
  expect(bad.stderr).toMatch(/Compression "zip" must be none, int8, topk:FRACTION/);
});
