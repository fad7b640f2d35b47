import { beforeAll, expect, test } from 'vitest';
import { ClusterWorker, Coordinator } from '../support/cluster.ts';
import { jobText, lockstep, UserFolder } from '../support/run-cli.ts';

// A coordinator that waits for workers is ended by one signal, and what it has is gone on with.

const folder = new UserFolder();
const last = (stdout: string) => JSON.parse(stdout.trim().split('\n').at(-1) as string) as Record<string, unknown>;
let job: string;
let digest: string;

beforeAll(async () => {
  job = folder.write('job.ts', jobText({ batch: '{ size: 24, shards: 7 }', steps: '40' }));
  const alone = await lockstep(['train', job, '--threads', '1', '--json', '--out', `${folder.path}/alone`]);
  digest = last(alone.stdout).digest as string;
});

const flags = (out: string, placement: string) => [
  ...[job, '--listen', '127.0.0.1:0', '--threads', '0', '--placement', placement, '--lease', '1500'],
  ...['--out', `${folder.path}/${out}`],
];

test.each([
  ['coordinator', 'SIGINT'],
  ['workers', 'SIGTERM'],
] as const)('placement %s: one %s ends the wait, with a message and what a resume needs', async (placement, signal) => {
  await using fresh = new Coordinator(flags(`fresh-${placement}`, placement));
  await fresh.until(({ type, message }) => type === 'warning' && /^Waiting/.test(`${message}`));
  fresh.kill(signal);
  await using coordinator = new Coordinator(flags(placement, placement));
  await using worker = new ClusterWorker(await coordinator.address());
  await coordinator.until(({ type, step }) => type === 'step' && step === 12);
  worker.kill();
  await coordinator.until(({ type, message }) => type === 'warning' && /^Waiting/.test(`${message}`));
  coordinator.kill(signal);
  for (const stopped of [fresh, coordinator]) {
    expect(await stopped.exited).toBe(130);
    expect(stopped.stderr).toMatch(/Go on with: .*--resume/);
    expect(stopped.events.at(-1)).toMatchObject({ type: 'done', interrupted: true });
    expect(stopped.ofType('checkpoint').at(-1)?.step).toBe(stopped.events.at(-1)?.steps);
    expect(stopped.ofType('start')[0]?.memoryBytes).toBeGreaterThan(99 * 4);
  }
  const out = `${folder.path}/${placement}`;
  const resumed = await lockstep(['train', job, '--threads', '1', '--json', '--resume', '--out', out]);
  expect(last(resumed.stdout).digest).toBe(digest);
  expect((await lockstep(['verify', out, `${folder.path}/alone`])).code).toBe(0);
});
