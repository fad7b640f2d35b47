import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { train } from '@lockstep/coordinator';
import { type AnyJob, isJob } from '@lockstep/core';
import { describe, expect, test } from 'vitest';
import type { Example } from '../examples/support/example.ts';
import { exampleFiles } from '../examples/support/files.ts';
import { readmeWith, readResults } from '../examples/support/results.ts';

// Every example that is a job, shortened: it trains, and its bits do not depend on the number of threads. `npm run examples` runs them
// whole.

interface ExampleModule {
  readonly default?: AnyJob;
  readonly example?: Example;
}

const modules = await Promise.all(
  exampleFiles().map(async ({ file, url }) => ({ file, url, module: (await import(url.href)) as ExampleModule })),
);
const jobs = modules.filter(({ module }) => isJob(module.default));

describe.each(jobs.map(({ file, url }) => [file, fileURLToPath(url)] as const))('%s', (_, path) => {
  test('a few steps give one digest on 1, 2 and 3 threads', async () => {
    const digests = [];
    for (const threads of [1, 2, 3]) {
      const run = train(path, { threads, steps: 3, stopAtStep: 2 });
      const { digest, loss, model } = await run.done;
      await model.close();
      expect(loss).not.toBeNaN();
      digests.push(digest);
    }
    expect(new Set(digests).size).toBe(1);
  });
});

test('the README has the figures of every example, as they were last measured', () => {
  const results = readResults();
  expect(readFileSync(new URL('../README.md', import.meta.url), 'utf8')).toBe(readmeWith(results));
  const wanted = modules.filter(({ module }) => module.example).map(({ file }) => file);
  expect(Object.keys(results).sort()).toEqual(wanted);
  for (const { file, module } of modules) {
    if (!module.example) continue;
    expect(results[file]?.system, file).toBe(module.example.system);
    expect(
      results[file]?.figures.map(([name]) => name),
      file,
    ).toEqual(module.example.figures.map(({ name }) => name));
  }
});
