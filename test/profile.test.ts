import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { phaseTimes, train } from '@lockstep/coordinator';
import { expect, test } from 'vitest';
import { jobs } from './support/jobs.ts';
import { lockstep } from './support/run-cli.ts';

test('a profile changes no bit and accounts for the whole time of each thread', async () => {
  const [plain, profiled] = [
    await train(jobs.gpt, { steps: 12 }).done,
    await train(jobs.gpt, { steps: 12, profile: true }).done,
  ];
  expect(profiled.digest).toBe(plain.digest);
  expect(plain.profiles).toEqual([]);
  for (const { steps, wallMs, waitingMs, kernels } of profiled.profiles) {
    expect(steps).toBe(9);
    const spent = kernels.reduce((sum, { ms }) => sum + ms, waitingMs);
    expect(spent / wallMs).toBeGreaterThan(0.98);
    expect(spent / wallMs).toBeLessThan(1.02);
  }
  const times = phaseTimes(profiled.profiles);
  expect(times.matmul).toBeGreaterThan(times.update);
  expect(times.update).toBeGreaterThan(0);
});

test('--profile writes a trace', async () => {
  const [out, file] = [join(tmpdir(), `lockstep-${process.pid}-run`), join(tmpdir(), `lockstep-${process.pid}.json`)];
  try {
    const { code } = await lockstep([
      'train',
      jobs.mlp,
      '--steps',
      '8',
      '--threads',
      '2',
      '--out',
      out,
      '--profile',
      file,
    ]);
    expect(code).toBe(0);
    const { traceEvents, lockstep: totals } = JSON.parse(await readFile(file, 'utf8'));
    expect(new Set(traceEvents.map(({ tid }: { tid: number }) => tid))).toEqual(new Set([0, 1]));
    const product = traceEvents.find(({ cat, ph }: { cat?: string; ph: string }) => cat === 'matmul' && ph === 'X');
    expect(product.args.size).toMatch(/^\d+ x \d+ x \d+/);
    expect(totals.millisecondsPerStep.matmul).toBeGreaterThan(0);
    expect(totals.threads).toHaveLength(2);
  } finally {
    await rm(out, { recursive: true, force: true });
    await rm(file, { force: true });
  }
});
