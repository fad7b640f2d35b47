import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { ClusterWorker, Coordinator } from '../support/cluster.ts';
import { jobText, lockstep, UserFolder } from '../support/run-cli.ts';

// Modes whose updates are applied as they come: no bits are promised, but that each batch is applied once, and that it learns.

const folder = new UserFolder();
const steps = 120;
let job: string;

beforeAll(() => {
  job = folder.write('job.ts', jobText({ batch: '{ size: 24, shards: 7 }', checkpointEvery: '20' }));
});

interface Line {
  readonly step: number;
  readonly batch: number;
  readonly staleness: number;
}

const journalOf = (run: string): Line[] =>
  readFileSync(`${folder.path}/${run}/journal.txt`, 'utf8')
    .trim()
    .split('\n')
    .map((line) => {
      const [, step, batch, staleness] = /^(\d+) .* batch=(\d+) stale=(\d+)$/.exec(line) ?? [];
      return { step: Number(step), batch: Number(batch), staleness: Number(staleness) };
    });

const flags = (run: string, mode: readonly string[], ...more: string[]): string[] => [
  ...[job, '--mode', ...mode, '--steps', String(steps), '--listen', '127.0.0.1:0', '--threads', '0'],
  ...['--min-workers', '2', '--lease', '1500', '--out', `${folder.path}/${run}`, ...more],
];

const all = Array.from({ length: steps }, (_, i) => i + 1);

/** Every update is written down once, in order, and every batch was applied once. */
function expectWhole(run: string): Line[] {
  const lines = journalOf(run);
  expect(lines.map(({ step }) => step)).toEqual(all);
  expect(lines.map(({ batch }) => batch).sort((a, b) => a - b)).toEqual(all);
  return lines;
}

function expectLearnt(coordinator: Coordinator): void {
  const losses = coordinator.ofType('step').map(({ loss }) => loss as number);
  const mean = (part: number[]) => part.reduce((a, b) => a + b, 0) / part.length;
  expect(mean(losses.slice(-20))).toBeLessThan(0.8 * mean(losses.slice(0, 20)));
}

describe.each([['async'], ['ssp', '--staleness', '1']])('mode %s', (...mode) => {
  const name = mode.join('');

  test('two workers: it learns, and says what it does not promise', async () => {
    await using coordinator = new Coordinator(flags(`two${name}`, mode));
    const address = await coordinator.address();
    await using stack = new AsyncDisposableStack();
    for (const worker of ['a', 'b']) stack.use(new ClusterWorker(address, ['--name', worker]));
    expect(await coordinator.exited).toBe(0);
    const lines = expectWhole(`two${name}`);
    expectLearnt(coordinator);
    // Both begin with the same weights, so one of them has missed the other's update.
    expect(lines.some(({ staleness }) => staleness > 0)).toBe(true);
    expect(coordinator.ofType('start')[0]).toMatchObject({
      mode: mode[0],
      promise: expect.stringMatching(/not reproducible/),
    });
    const told = coordinator.ofType('step').at(-1)?.metrics as { staleness: number };
    expect(told.staleness).toBe(lines.at(-1)?.staleness);
  });

  test('SIGKILL of a worker: its batch goes to another one', async () => {
    await using coordinator = new Coordinator(flags(`kill${name}`, mode));
    const address = await coordinator.address();
    await using stack = new AsyncDisposableStack();
    const [first] = ['a', 'b', 'c'].map((worker) => stack.use(new ClusterWorker(address, ['--name', worker])));
    await coordinator.until(({ type, step }) => type === 'step' && (step as number) >= 10);
    first?.kill();
    expect(await coordinator.exited).toBe(0);
    expectWhole(`kill${name}`);
    expect(coordinator.ofType('worker-lost')[0]).toMatchObject({
      name: 'a',
      reason: expect.stringMatching(/connection/),
    });
  });

  test('SIGKILL of the coordinator, and --resume', async () => {
    const run = `resume${name}`;
    const first = new Coordinator(flags(run, mode));
    const address = await first.address();
    await using stack = new AsyncDisposableStack();
    stack.use(first);
    for (const worker of ['a', 'b']) stack.use(new ClusterWorker(address, ['--name', worker]));
    await first.until(({ type, step }) => type === 'checkpoint' && step === 40);
    first.kill();
    await first.exited;
    const again = flags(run, mode, '--resume');
    again[again.indexOf('--listen') + 1] = address;
    await using second = new Coordinator(again);
    expect((await second.until(({ type }) => type === 'start')).fromStep).toBeGreaterThanOrEqual(40);
    expect(await second.exited).toBe(0);
    expectWhole(run);
  });
});

test('SIGTERM: what was given out is applied, a checkpoint is written, and the run goes on from there', async () => {
  await using coordinator = new Coordinator(flags('term', ['async']));
  const address = await coordinator.address();
  await using stack = new AsyncDisposableStack();
  for (const worker of ['a', 'b']) stack.use(new ClusterWorker(address, ['--name', worker]));
  await coordinator.until(({ type, step }) => type === 'step' && (step as number) >= 10);
  coordinator.kill('SIGTERM');
  expect(await coordinator.exited).toBe(130);
  const { steps: done } = await coordinator.until(({ type }) => type === 'done');
  const lines = journalOf('term');
  expect(lines).toHaveLength(done as number);
  expect(lines.map(({ batch }) => batch).sort((a, b) => a - b)).toEqual(all.slice(0, done as number));
  const rest = await lockstep([
    ...['train', job, '--mode', 'async', '--steps', String(steps), '--threads', '1'],
    ...['--out', `${folder.path}/term`, '--resume', '--json'],
  ]);
  expect(rest.code).toBe(0);
  expectWhole('term');
});

test('what cannot be is said', async () => {
  const train = (...more: string[]) => lockstep(['train', job, '--threads', '1', ...more]);
  expect((await train('--mode', 'async', '--staleness', '1')).stderr).toMatch(
    /--staleness is for mode ssp, and this is mode async/,
  );
  const workers = ['--mode', 'async', '--listen', '127.0.0.1:0', '--placement', 'workers'];
  expect((await train(...workers)).stderr).toMatch(/needs --placement coordinator/);
});
