import { availableParallelism } from 'node:os';
import type { AnyJob } from '@lockstep/core';
import { benchOptions } from './options.ts';
import { median } from './result-table.ts';
import { type Steady, steady, takeTurns } from './steady.ts';
import { machine, mib, ms, ratio, table } from './table.ts';
import { gptJob } from './work/gpt-job.ts';
import { mlpJob } from './work/mlp-job.ts';

// `npm run bench:growth [-- TABLE ...]`: how the time of a step and the memory of a run grow with batch, width, depth, context and threads. One thread
// where the threads are not the table.

const { wanted, windows, ms: windowMs } = benchOptions(3, 300);

interface Growth {
  readonly name: string;
  /** What grows, and what would be expected of it. */
  readonly title: string;
  readonly sizes: readonly number[];
  job(size: number): AnyJob;
  threads?(size: number): number;
  readonly shards?: number;
}

const gpt = { layers: 2, heads: 4, width: 128, context: 64, batch: 8 };

const growths: readonly Growth[] = [
  {
    name: 'batch',
    title: 'batch: MLP 256-512-512-10; the update does not grow',
    sizes: [32, 64, 128, 256, 512],
    job: (batch) => mlpJob({ batch, width: 512 }),
  },
  {
    name: 'width',
    title: 'width: MLP 256-w-w-10, batch 128; with the square once the products count',
    sizes: [128, 256, 512, 1024],
    job: (width) => mlpJob({ batch: 128, width }),
  },
  {
    name: 'depth',
    title: 'depth: GPT of width 128, context 64, batch 8; linear',
    sizes: [1, 2, 4, 8],
    job: (layers) => gptJob({ ...gpt, name: 'growth', layers }),
  },
  {
    name: 'context',
    title: 'context: GPT of 2 layers, width 128, 2048 tokens a step; memory does not grow with it, attention does',
    sizes: [64, 128, 256, 512, 1024],
    job: (context) => gptJob({ ...gpt, name: 'growth', context, batch: 2048 / context }),
    shards: 1,
  },
  {
    name: 'threads',
    title: 'threads: GPT of 2 layers, width 128, context 64, batch 8',
    sizes: [1, 2, 4, 8].filter((threads) => threads <= availableParallelism()),
    job: () => gptJob({ ...gpt, name: 'growth' }),
    threads: (size) => size,
  },
];

async function growthTable({ name, title, sizes, job, threads = () => 1, shards }: Growth): Promise<string[]> {
  const settings = sizes.map((size) => ({
    label: String(size),
    measure: () => steady(job(size), { threads: threads(size), ...(shards && { shards }) }, windowMs),
  }));
  const results = await takeTurns<Steady>(settings, windows);
  let before = Number.NaN;
  const rows = sizes.map((size) => {
    const all = results.get(String(size)) ?? [];
    const stepMs = median(all.map(({ stepMs }) => stepMs));
    const growth = Number.isNaN(before) ? '' : ratio(stepMs / before);
    before = stepMs;
    return [String(size), ms(stepMs), growth, mib(all[0]?.memoryBytes ?? 0)];
  });
  return [title, '', ...table([name, 'ms a step', 'to the row above', 'memory of the run, MiB'], rows), ''];
}

console.log(`Medians of ${windows} windows that take turns. ${machine()}\n`);
for (const growth of growths) {
  if (wanted.length > 0 && !wanted.includes(growth.name)) continue;
  console.log((await growthTable(growth)).join('\n'));
}
