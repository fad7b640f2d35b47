import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { train } from '@lockstep/coordinator';
import { isJob } from '@lockstep/core';
import {
  type Example,
  type Figure,
  type FinishedRun,
  figureText,
  reached,
  wantedText,
} from '../examples/support/example.ts';

// npm run examples: every example to its figure. With names, only those; with --write, the table in the README is made anew.

const { values: options, positionals: only } = parseArgs({
  allowPositionals: true,
  options: {
    write: { type: 'boolean', default: false },
    threads: { type: 'string' },
  },
});
const folder = new URL('../examples/', import.meta.url);
const readme = new URL('../README.md', import.meta.url);

interface Row {
  readonly file: string;
  readonly system: string;
  readonly figures: readonly { readonly figure: Figure; readonly value: number }[];
  /** Of one run with its figures, mean over the seeds. */
  readonly seconds: number;
}

async function measure(file: string): Promise<Row | undefined> {
  const url = new URL(file, folder);
  const module = (await import(url.href)) as { default?: unknown; example?: Example };
  if (!module.example) return undefined;
  const { system, figures, seeds = [1, 2, 3] } = module.example;
  const sums = figures.map(() => 0);
  const startedAt = performance.now();
  for (const seed of seeds) {
    const run = isJob(module.default) ? await finish(fileURLToPath(url), seed) : { ...nothing, seed };
    for (const [i, figure] of figures.entries()) {
      const value = await figure.of(run);
      process.stderr.write(`${file} seed ${seed}: ${figure.name} ${figureText(figure, value)}\n`);
      sums[i] = (sums[i] as number) + value;
    }
    await run.model?.close();
  }
  const seconds = (performance.now() - startedAt) / 1000 / seeds.length;
  return {
    file,
    system,
    seconds,
    figures: figures.map((figure, i) => ({ figure, value: (sums[i] as number) / seeds.length })),
  };
}

const nothing = { metrics: {}, loss: Number.NaN } as Omit<FinishedRun, 'seed'>;

async function finish(path: string, seed: number): Promise<FinishedRun> {
  const threads = options.threads === undefined ? {} : { threads: Number(options.threads) };
  return { ...(await train(path, { seed, ...threads }).done), seed };
}

function tableOf(rows: readonly Row[]): string {
  const cells = rows.map(({ file, system, figures, seconds }) => [
    `[\`${file}\`](examples/${file})`,
    system,
    figures.map(({ figure }) => `${figure.name} ${wantedText(figure)}`.trim()).join('<br>'),
    figures.map(({ figure, value }) => figureText(figure, value)).join('<br>'),
    seconds.toFixed(0),
  ]);
  const header = ['example', 'system', 'must reach', 'reached', 'seconds'];
  return [header, header.map(() => '---'), ...cells].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

const marks = ['<!-- examples: made by npm run examples -- --write -->', '<!-- end of examples -->'] as const;

function writeTable(table: string): void {
  const text = readFileSync(readme, 'utf8');
  const [from, to] = marks.map((mark) => text.indexOf(mark)) as [number, number];
  if (from < 0 || to < from) throw new Error('README.md has no place for the table of examples.');
  writeFileSync(readme, `${text.slice(0, from + marks[0].length)}\n${table}\n${text.slice(to)}`);
}

const names = new Set(only.map((name) => basename(name, '.ts')));
const files = readdirSync(folder)
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  .filter((file) => names.size === 0 || names.has(basename(file, '.ts')));
const rows: Row[] = [];
for (const file of files) {
  const row = await measure(file);
  if (row) rows.push(row);
}
console.log(tableOf(rows));
if (options.write) writeTable(tableOf(rows));
const missed = rows.filter(({ figures }) => figures.some(({ figure, value }) => !reached(figure, value)));
if (missed.length > 0) {
  console.error(`Not reached: ${missed.map(({ file }) => file).join(', ')}.`);
  process.exitCode = 1;
}
