import { benchOptions } from './options.ts';
import { median } from './result-table.ts';
import { medianStepMs, steady, takeTurns } from './steady.ts';
import { machine, ms, ratio, table } from './table.ts';
import { works } from './works.ts';

// `npm run bench:shards [-- WORK ...]`: what many shards cost on one thread. A batch in 64 shards, or one for each sample where it has fewer, beside
// the same batch in two: sums are kept apart and joined by the tree, so it is more work, and other bits.

const { wanted, windows, ms: windowMs } = benchOptions(3, 1000);
const most = 64;

const rows: string[][] = [];
for (const { id, job, batch } of works) {
  if (!job || !batch || (wanted.length > 0 && !wanted.includes(id))) continue;
  const many = Math.min(most, batch);
  const results = await takeTurns(
    [2, many].map((shards) => ({
      label: String(shards),
      measure: () => steady(job, { threads: 1, shards }, windowMs),
    })),
    windows,
  );
  const [few, fine] = [results.get('2') ?? [], results.get(String(many)) ?? []];
  const ratios = fine.map(({ stepMs }, i) => stepMs / (few[i]?.stepMs ?? Number.NaN));
  rows.push([id, String(many), ms(medianStepMs(few)), ms(medianStepMs(fine)), ratio(median(ratios))]);
}
console.log(
  [
    `Milliseconds of a step on one thread, medians of ${windows} windows that take turns. ${machine()}`,
    '',
    ...table(['', 'shards', '2 shards', 'that many', 'ratio'], rows),
  ].join('\n'),
);
