import { fileURLToPath } from 'node:url';
import { train } from '@lockstep/coordinator';
import { type AnyJob, isJob } from '@lockstep/core';
import { openData, sourceFingerprint, traceJob } from '@lockstep/core/internal';
import { runWorker } from '@lockstep/worker';
import { describe, expect, test } from 'vitest';
import { jobOf, type WayName, ways } from '../../examples/optimizers.ts';
import { exampleFiles } from '../../examples/support/files.ts';

// Every example that is a job, shortened, over two gRPC workers on loopback: the digest is that of one thread. Placements alternate, and each
// meets data that workers generate themselves as well as data that the coordinator sends.

interface Case {
  readonly file: string;
  readonly job: string | AnyJob;
  readonly data: 'read by workers' | 'sent to workers';
  readonly placement: 'coordinator' | 'workers';
}

const length = { steps: 3, stopAtStep: 2 };

/** Whether a worker without any files comes to the same data from its description. */
async function opensElsewhere(job: AnyJob): Promise<boolean> {
  const { train: data } = await (await traceJob(job, { steps: length.steps })).host.openable();
  if (!data) return false;
  try {
    return (await sourceFingerprint(await openData(data.descriptor, { root: undefined }))) === data.digest;
  } catch {
    return false;
  }
}

const counts = { 'read by workers': 0, 'sent to workers': 0 };
const cases: Case[] = [];
async function add(file: string, job: AnyJob, path?: string): Promise<void> {
  const data = (await opensElsewhere(job)) ? 'read by workers' : 'sent to workers';
  const placement = counts[data]++ % 2 === 0 ? 'coordinator' : 'workers';
  cases.push({ file, job: path ?? job, data, placement });
}
for (const { file, url } of exampleFiles()) {
  const { default: job } = (await import(url.href)) as { default?: AnyJob };
  if (!isJob(job)) continue;
  await add(file, job, fileURLToPath(url));
}
// One that compares optimizers makes a job of each.
for (const name of Object.keys(ways) as WayName[]) await add(`optimizers.ts, ${name}`, jobOf(name));

test('both placements meet data that is sent, and data that workers read', () => {
  expect(new Set(cases.map(({ data, placement }) => `${data} ${placement}`)).size).toBe(4);
});

describe.each(cases)('$file, placement $placement, data $data', ({ job, placement }) => {
  test('two workers have the digest of one thread', async () => {
    const alone = await train(job, { threads: 1, ...length }).done;
    await alone.model.close();
    const cluster = { listen: '127.0.0.1:0', minWorkers: 2, placement };
    await using run = train(job, { threads: 0, ...length, cluster });
    const leave = new AbortController();
    const workers: Promise<string>[] = [];
    try {
      let joined = 0;
      for await (const event of run) {
        if (event.type === 'start')
          workers.push(...['a', 'b'].map((name) => worker(name, event.address as string, leave.signal)));
        if (event.type === 'worker-joined') joined++;
      }
      const { digest, steps, model } = await run.done;
      await model.close();
      expect({ digest, steps, joined }).toEqual({ digest: alone.digest, steps: length.stopAtStep, joined: 2 });
    } finally {
      leave.abort();
      await Promise.all(workers);
    }
  });
});

const worker = (name: string, join: string, signal: AbortSignal): Promise<string> =>
  runWorker({
    ...{ name, join, signal, security: {}, insecure: false, widen: true },
    threads: 1,
    memoryLimitBytes: 2 ** 31,
    firstContactMs: 10_000,
    say: () => undefined,
  });
