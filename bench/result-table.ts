import type { Work } from './works.ts';

/** One contender's windows on one work. */
export interface Figure {
  readonly label: string;
  /** As it names itself, with its version. */
  readonly name: string;
  readonly values: readonly number[];
  /** Why there are no values. */
  readonly absent: string | undefined;
  peakMiB: number;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
const number = (value: number): string =>
  value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string[] => [
  row(head),
  row(head.map(() => '---')),
  ...rows.map(row),
];

/** Speeds, ratios to the first contender's peers, the bound that the products set, and peak memory. */
export function resultTable(rows: readonly { work: Work; figures: readonly Figure[] }[], peak: number): string {
  const labels = rows[0]?.figures.map(({ label }) => label) ?? [];
  const value = (figures: readonly Figure[], label: string): number =>
    median(figures.find((f) => f.label === label)?.values ?? []);
  const cell = ({ values, peakMiB }: Figure, memory: boolean): string =>
    values.length === 0 ? '-' : memory ? String(Math.round(peakMiB)) : number(median(values));
  const heads = [...labels];
  const ratios = rows.map(({ work, figures }) => {
    const own = value(figures, 'Lockstep, 1 thread');
    const bound = (peak * 1e9 * work.units) / (2 * work.multiplyAdds);
    const to = (label: string) => (own / value(figures, label)).toFixed(2);
    return [
      work.id,
      to('PyTorch AVX2, 1 thread'),
      to('PyTorch AVX-512, 1 thread'),
      to('jax-js, 2 threads'),
      (own / (work.job ? bound : peak)).toFixed(2),
      (value(figures, 'Lockstep, 2 threads') / own).toFixed(2),
    ].map((text) => (text === 'NaN' ? '-' : text));
  });
  const absent = new Map(
    rows.flatMap(({ work, figures }) =>
      figures.filter(({ absent }) => absent).map(({ label, absent }) => [`${label}: ${absent}`, work.id] as const),
    ),
  );
  const names = [...new Set(rows.flatMap(({ figures }) => figures.map(({ name }) => name)))].filter(
    (name) => name !== '',
  );
  return [
    `Contenders: ${names.join('; ')}. The micro-kernel by itself: ${peak.toFixed(1)} GFLOP/s.`,
    '',
    ...table(
      ['', 'work', ...heads],
      rows.map(({ work, figures }) => [work.id, `${work.title}; ${work.unit}`, ...figures.map((f) => cell(f, false))]),
    ),
    '',
    "Lockstep on one thread as a multiple of its peers, and of what its products would take at the micro-kernel's own speed; two threads as a multiple of one:",
    '',
    ...table(['', 'PyTorch AVX2', 'PyTorch AVX-512', 'jax-js', 'bound', '2 threads / 1'], ratios),
    '',
    'Peak memory of the process, MiB:',
    '',
    ...table(
      ['', ...heads],
      rows.filter(({ work }) => work.job).map(({ work, figures }) => [work.id, ...figures.map((f) => cell(f, true))]),
    ),
    ...[...absent.keys()].map((line) => `\nMissing: ${line}`),
  ].join('\n');
}
