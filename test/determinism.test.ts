import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { importJob, type TrainOptions, train } from '@lockstep/coordinator';
import { parameterDigest, traceJob } from '@lockstep/core/internal';
import { describe, expect, test } from 'vitest';
import { nodeBinary } from '../scripts/node-versions.ts';
import { golden, type JobName, jobs, steps } from './support/jobs.ts';
import { trainByTheBook } from './support/oracle.ts';

// One digest, whatever runs it.

async function digestOf(job: JobName, options: TrainOptions): Promise<string> {
  const run = train(jobs[job], { steps, ...options });
  const { digest } = await run.done;
  return digest;
}

/** Runs test/support/print-digest.ts in a process of its own. */
function digestFrom(node: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  const script = fileURLToPath(new URL('./support/print-digest.ts', import.meta.url));
  return new Promise((resolve, reject) => {
    const child = spawn(node, [script, ...args], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk) => {
      out += chunk;
    });
    child.stderr.on('data', (chunk) => {
      err += chunk;
    });
    child.on('close', (code) => (code === 0 ? resolve(out.trim()) : reject(new Error(`exit ${code}: ${err}`))));
  });
}

describe.each(Object.keys(jobs) as JobName[])('%s', (job) => {
  test.each([1, 2, 3, 5, 8])('%i threads', async (threads) => {
    expect(await digestOf(job, { threads })).toBe(golden[job]);
  });

  test('shards one by one', async () => {
    expect(await digestOf(job, { threads: 2, mergeShards: false })).toBe(golden[job]);
  });

  test('kernels that are not widened', async () => {
    expect(await digestOf(job, { threads: 2, widen: false })).toBe(golden[job]);
    expect(await digestFrom(process.execPath, [job, '2'], { LOCKSTEP_WIDEN: '0' })).toBe(golden[job]);
  });

  test('stopped at step 15 and resumed with another number of threads', async () => {
    const out = await mkdtemp(join(tmpdir(), 'lockstep-'));
    try {
      const first = await train(jobs[job], { steps, threads: 3, out, stopAtStep: 15 }).done;
      expect(first).toMatchObject({ steps: 15, interrupted: true });
      const second = await train(jobs[job], { steps, threads: 2, out, resume: true }).done;
      expect(second).toMatchObject({ steps, interrupted: false, digest: golden[job] });
    } finally {
      await rm(out, { recursive: true });
    }
  });

  test.for([22, 24, 26] as const)('Node %i', async (major, { skip }) => {
    const node = nodeBinary(major);
    if (!node) return skip(`Node ${major} cannot be installed here.`);
    expect(await digestFrom(node, [job, '2'])).toBe(golden[job]);
  });
});

// The oracle knows jobs with a single update a step.
test.each(['gpt', 'mlp'] as const)(
  '%s by the book: every shard by itself, all in one place, then the tree',
  async (job) => {
    const traced = await traceJob(await importJob(jobs[job]), { steps });
    expect(parameterDigest(traced.spec.layout, await trainByTheBook(traced, steps))).toBe(golden[job]);
  },
);
