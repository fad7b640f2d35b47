import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { ClusterWorker, Coordinator } from '../support/cluster.ts';
import { jobText, UserFolder } from '../support/run-cli.ts';

// A worker whose compressed sums are none: nobody waits for its lease to end, which is longer here than the test may last.

const folder = new UserFolder();
const job = folder.write('job.ts', jobText({ batch: '{ size: 24, shards: 7 }', steps: '30' }));
const script = fileURLToPath(new URL('../support/faulty-worker.ts', import.meta.url));

test.each([
  ['pushed', ['--listen', 'none']],
  ['fetched', []],
])(
  'sums that were %s and cannot be read cost their worker its place at once, and the batch is computed again',
  async (how, more) => {
    await using coordinator = new Coordinator([
      ...[job, '--listen', '127.0.0.1:0', '--threads', '0', '--mode', 'async', '--compress', 'int8'],
      ...['--lease', '600000', '--out', `${folder.path}/${how}`],
    ]);
    const env = { FAULT: 'garbled', FAULT_FROM: '5' };
    await using worker = new ClusterWorker(await coordinator.address(), ['--name', 'w', ...more], { script, env });
    expect(await coordinator.exited).toBe(0);
    expect(await worker.exited).toBe(0);
    const [lost] = coordinator.ofType('worker-lost');
    expect(lost?.reason).toMatch(/^its sums of shards \d to \d cannot be read \(A compressed vector of kind \d+ /);
    expect(coordinator.ofType('step').map(({ step }) => step)).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
  },
);
