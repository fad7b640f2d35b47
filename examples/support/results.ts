import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { type Example, figureText, wantedText } from './example.ts';

/** What an example reached when it last ran whole: a row of the table in the README. */
export interface Result {
  readonly system: string;
  /** As text: name, what it must reach, what it reached. */
  readonly figures: readonly (readonly [name: string, wanted: string, reached: string])[];
  /** Of one run with its figures, mean over the seeds. */
  readonly seconds: number;
}

export type Results = Readonly<Record<string, Result>>;

const path = new URL('../results.json', import.meta.url);
const readme = new URL('../../README.md', import.meta.url);
const marks = ['<!-- examples: made by npm run examples -- --write -->', '<!-- end of examples -->'] as const;

export const readResults = (): Results => (existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {});

export function resultOf({ system, figures }: Example, values: readonly number[], seconds: number): Result {
  return {
    system,
    figures: figures.map((figure, i) => [figure.name, wantedText(figure), figureText(figure, values[i] as number)]),
    seconds: Math.round(seconds),
  };
}

export function tableOf(results: Results): string {
  const rows = Object.entries(results)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([file, { system, figures, seconds }]) => [
      `[\`${file}\`](examples/${file})`,
      system,
      figures.map(([name, wanted]) => `${name} ${wanted}`.trim()).join('<br>'),
      figures.map(([, , reached]) => reached).join('<br>'),
      String(seconds),
    ]);
  const header = ['example', 'system', 'must reach', 'reached', 'seconds'];
  return [header, header.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

/** The README with the table of these results. */
export function readmeWith(results: Results): string {
  const text = readFileSync(readme, 'utf8');
  const [from, to] = marks.map((mark) => text.indexOf(mark)) as [number, number];
  if (from < 0 || to < from) throw new Error('README.md has no place for the table of examples.');
  return `${text.slice(0, from + marks[0].length)}\n\n${tableOf(results)}\n\n${text.slice(to)}`;
}

export function writeResults(results: Results): void {
  writeFileSync(path, `${JSON.stringify(results, null, 2)}\n`);
  writeFileSync(readme, readmeWith(results));
}
