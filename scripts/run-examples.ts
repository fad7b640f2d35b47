import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { train } from '@lockstep/coordinator';
import { type AnyJob, isJob } from '@lockstep/core';
import { type Example, type FinishedRun, figureText, reached } from '../examples/support/example.ts';
import { exampleFiles } from '../examples/support/files.ts';
import { type Results, readResults, resultOf, tableOf, writeResults } from '../examples/support/results.ts';

// npm run examples: every example to its figures. With names, only those; with --write, their rows of the README's table are made anew.

const { values: options, positionals: only } = parseArgs({
  allowPositionals: true,
  options: {
    write: { type: 'boolean', default: false },
    threads: { type: 'string' },
  },
});
const threads = options.threads === undefined ? {} : { threads: Number(options.threads) };

const nothing = { metrics: {}, loss: Number.NaN } as Omit<FinishedRun, 'seed'>;

async function finish(path: string, job: AnyJob | undefined, seed: number): Promise<FinishedRun> {
  return job ? { ...(await train(path, { seed, ...threads }).done), seed } : { ...nothing, seed };
}

/** Means over the seeds, and the seconds of one run. */
async function measure(path: string, job: AnyJob | undefined, { figures, seeds = [1, 2, 3] }: Example) {
  const sums = figures.map(() => 0);
  const startedAt = performance.now();
  for (const seed of seeds) {
    const run = await finish(path, job, seed);
    for (const [i, figure] of figures.entries()) {
      const value = await figure.of(run);
      process.stderr.write(`${basename(path)} seed ${seed}: ${figure.name} ${figureText(figure, value)}\n`);
      sums[i] = (sums[i] as number) + value;
    }
    await run.model?.close();
  }
  return {
    means: sums.map((sum) => sum / seeds.length),
    seconds: (performance.now() - startedAt) / 1000 / seeds.length,
  };
}

const names = new Set(only.map((name) => basename(name, '.ts')));
const found: Record<string, Results[string]> = {};
const missed: string[] = [];
for (const { file, url } of exampleFiles()) {
  if (names.size > 0 && !names.has(basename(file, '.ts'))) continue;
  const { default: job, example } = (await import(url.href)) as { default?: unknown; example?: Example };
  if (!example) continue;
  const { means, seconds } = await measure(fileURLToPath(url), isJob(job) ? job : undefined, example);
  found[file] = resultOf(example, means, seconds);
  if (!example.figures.every((figure, i) => reached(figure, means[i] as number))) missed.push(file);
  if (options.write) writeResults({ ...readResults(), [file]: found[file] });
}
console.log(tableOf(found));
if (missed.length > 0) {
  console.error(`Not reached: ${missed.join(', ')}.`);
  process.exitCode = 1;
}
