import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { ClusterWorker, Coordinator } from '../support/cluster.ts';
import { jobText, UserFolder } from '../support/run-cli.ts';
import { expectUndisturbed } from '../support/undisturbed.ts';

// F28: the wall clock may jump.

const root = fileURLToPath(new URL('../../packages/', import.meta.url));
/** Certificates are valid for a time that people name, and gRPC takes the deadline of a call by the wall clock. */
const allowed = /^coordinator\/src\/certs\/|^worker\/src\/grpc\/(load-security|channel)\.ts$/;

test('no timer reads the wall clock: times are differences of performance.now', () => {
  const sources = (readdirSync(root, { recursive: true }) as string[]).filter(
    (path) => /^\w+\/src\/.*(?<!\.test|\.d)\.ts$/.test(path) && !allowed.test(path),
  );
  expect(sources.length).toBeGreaterThan(200);
  const reading = sources.filter((path) =>
    /\bDate\.now\(|new Date\(\)|hrtime/.test(readFileSync(join(root, path), 'utf8')),
  );
  expect(reading).toEqual([]);
});

test('a wall clock that jumps by days in all processes of a run evicts nobody and changes no bit', async () => {
  using folder = new UserFolder();
  const job = folder.write('job.ts', jobText({ batch: '{ size: 24, shards: 7 }', steps: '1_000_000' }));
  const out = `${folder.path}/run`;
  const clock = new URL('../support/jumping-clock.ts', import.meta.url).href;
  const env = { NODE_OPTIONS: `--import=${clock}` };
  const flags = ['--listen', '127.0.0.1:0', '--threads', '0', '--placement', 'workers', '--min-workers', '2'];
  await using coordinator = new Coordinator([job, ...flags, '--out', out], { env });
  const address = await coordinator.address();
  await using stack = new AsyncDisposableStack();
  const workers = ['a', 'b'].map((name) => stack.use(new ClusterWorker(address, ['--name', name], { env })));
  // Through several jumps, each of which would end a lease.
  await coordinator.nextStep();
  const startedMs = performance.now();
  while (performance.now() - startedMs < 2000) await coordinator.nextStep();
  coordinator.kill('SIGTERM');
  const digest = await coordinator.digest();
  expect(await Promise.all(workers.map(({ exited }) => exited))).toEqual([0, 0]);
  expect(coordinator.ofType('worker-lost')).toEqual([]);
  await expectUndisturbed(job, out, coordinator.ofType('done')[0]?.steps as number, digest);
});
