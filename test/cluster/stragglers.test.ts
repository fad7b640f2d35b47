import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { ClusterWorker, Coordinator } from '../support/cluster.ts';
import { jobText, UserFolder } from '../support/run-cli.ts';
import { expectUndisturbed } from '../support/undisturbed.ts';

// A worker that joins at step 10 and takes 200 ms longer than it should.

const folder = new UserFolder();
const job = folder.write('job.ts', jobText({ batch: '{ size: 24, shards: 7 }', steps: '1_000_000' }));
const script = fileURLToPath(new URL('../support/faulty-worker.ts', import.meta.url));

test.each(['coordinator', 'workers'])(
  'placement %s: who is slow is named with its compute time, and nobody waits for it twice',
  async (placement) => {
    const out = `${folder.path}/${placement}`;
    const flags = ['--listen', '127.0.0.1:0', '--placement', placement, '--threads', '0', '--out', out];
    await using coordinator = new Coordinator([job, ...flags]);
    const address = await coordinator.address();
    await using stack = new AsyncDisposableStack();
    const workers = [stack.use(new ClusterWorker(address, ['--name', 'fast']))];
    await coordinator.until(({ type, step }) => type === 'step' && (step as number) >= 10);
    const env = { FAULT: 'slow', FAULT_FROM: '20' };
    workers.push(stack.use(new ClusterWorker(address, ['--name', 'slow'], { script, env })));
    const named = await coordinator.until(
      ({ type, name, computeMs }) => type === 'straggler' && name === 'slow' && (computeMs as number) >= 100,
    );
    expect(named.expectedMs).toBeLessThan((named.computeMs as number) / 2);
    // Where everybody must update, its own time is known; where others took its shards over, the least that it was.
    if (placement === 'workers') expect(named.computeMs).toBeGreaterThanOrEqual(200);
    await coordinator.nextStep(3);
    coordinator.kill('SIGTERM');
    const digest = await coordinator.digest();
    expect(await Promise.all(workers.map(({ exited }) => exited))).toEqual([0, 0]);
    expect(coordinator.ofType('worker-joined')[1]).toMatchObject({ name: 'slow', workers: 2 });
    expect(coordinator.ofType('worker-lost')).toEqual([]);
    const steps = coordinator.ofType('step').map(({ step }) => step);
    expect(steps).toEqual(steps.map((_, i) => i + 1));
    await expectUndisturbed(job, out, steps.length, digest);
  },
);
