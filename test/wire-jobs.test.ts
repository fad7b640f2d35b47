import { type AnyJob, isJob } from '@lockstep/core';
import { traceJob } from '@lockstep/core/internal';
import { decodeJob, encodeJob, jobDigest } from '@lockstep/worker';
import { describe, expect, test } from 'vitest';
import { exampleFiles } from '../examples/support/files.ts';
import mixed from './support/mixed-job.ts';

// Every example that is a job, and one with a bit of everything: as bytes of the wire and back nothing is lost, and the checks let it pass.

const modules = await Promise.all(
  exampleFiles().map(
    async ({ file, url }) => [file, ((await import(url.href)) as { default?: unknown }).default] as const,
  ),
);
const jobs = [['mixed-job.ts', mixed] as const, ...modules].filter((entry): entry is readonly [string, AnyJob] =>
  isJob(entry[1]),
);

test('there are examples', () => {
  expect(jobs.length).toBeGreaterThan(15);
});

describe.each(jobs)('%s', (_, job) => {
  test('survives the wire', async () => {
    const { spec } = await traceJob(job, { steps: 3 });
    const bytes = encodeJob({ spec });
    const { spec: back } = decodeJob(bytes, 2 ** 32);
    expect(back).toEqual({ ...spec, predict: null, predictFields: [] });
    expect(jobDigest(encodeJob({ spec: back }))).toBe(jobDigest(bytes));
  });
});
