import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { train } from '@lockstep/coordinator';
import { expect, test } from 'vitest';
import { ClusterWorker, Coordinator } from '../support/cluster.ts';
import { jobs } from '../support/jobs.ts';

// A model large enough that parts of its gradient leave while the rest is computed, whole numbers and halves of them.

const steps = 6;

test.each(['f32', 'bf16'] as const)(
  '%s: slices that leave during the backward pass give the digest of one machine',
  async (reduce) => {
    const { digest } = await train(jobs.gpt, { steps, reduce }).done;
    const out = await mkdtemp(join(tmpdir(), 'lockstep-'));
    try {
      await using coordinator = new Coordinator([
        ...[jobs.gpt, '--listen', '127.0.0.1:0', '--threads', '0', '--placement', 'workers', '--reduce', reduce],
        ...['--steps', String(steps), '--min-workers', '2', '--out', out],
      ]);
      const address = await coordinator.address();
      await using stack = new AsyncDisposableStack();
      for (const threads of ['1', '2']) stack.use(new ClusterWorker(address, ['--threads', threads]));
      expect(await coordinator.digest()).toBe(digest);
      expect(coordinator.ofType('worker-lost')).toEqual([]);
    } finally {
      await rm(out, { recursive: true });
    }
  },
);
