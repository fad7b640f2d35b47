import { train } from '@lockstep/coordinator';
import { expect, test } from 'vitest';
import { jobs } from './support/jobs.ts';

// A service may train several models at once. Each run compiles the kernels for itself, and V8's flags are those of the process.

test('runs that start at the same time do not disturb each other', async () => {
  const options = [{ threads: 1 }, { threads: 2 }, { threads: 3 }, { threads: 2, widen: false }, { threads: 1 }];
  const digests = new Set<string>();
  for (let round = 0; round < 4; round++) {
    const results = await Promise.all(options.map((option) => train(jobs.mlp, { ...option, steps: 5 }).done));
    for (const { digest, model } of results) {
      digests.add(digest);
      await model.close();
    }
  }
  expect(digests.size).toBe(1);
});
