import { table } from './table.ts';
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

const number = (value: number): string =>
  value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);

const ofThreads = (label: string, threads: number): string => `${label}, ${threads} thread${threads === 1 ? '' : 's'}`;
const lockstep = (threads: number): string => ofThreads('Lockstep', threads);

/** Whom Lockstep is divided by, on as many threads. */
const peers = [
  ['PyTorch AVX2', 1],
  ['PyTorch AVX-512', 1],
  ['jax-js', 1],
  ['PyTorch AVX2', 2],
  ['PyTorch AVX-512', 2],
  ['jax-js', 2],
] as const;

/** Speeds, ratios to the first contender's peers, the bound that the products set, and peak memory. */
export function resultTable(rows: readonly { work: Work; figures: readonly Figure[] }[], peak: number): string {
  const labels = rows[0]?.figures.map(({ label }) => label) ?? [];
  const value = (figures: readonly Figure[], label: string): number =>
    median(figures.find((f) => f.label === label)?.values ?? []);
  const cell = ({ values, peakMiB }: Figure, memory: boolean): string =>
    values.length === 0 ? '-' : memory ? String(Math.round(peakMiB)) : number(median(values));
  const heads = [...labels];
  const ratios = rows.map(({ work, figures }) => {
    const bound = (peak * 1e9 * work.units) / (2 * work.multiplyAdds);
    const one = value(figures, lockstep(1));
    return [
      work.id,
      ...peers.map(([peer, threads]) => value(figures, lockstep(threads)) / value(figures, ofThreads(peer, threads))),
      one / (work.job ? bound : peak),
      value(figures, lockstep(2)) / one,
    ].map((cell) => (typeof cell === 'string' ? cell : Number.isNaN(cell) ? '-' : cell.toFixed(2)));
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
    "Lockstep as a multiple of its peers on as many threads, on one thread as a multiple of what its products would take at the micro-kernel's own speed, and two threads as a multiple of one:",
    '',
    ...table(['', ...peers.map(([peer, threads]) => ofThreads(peer, threads)), 'bound', '2 threads / 1'], ratios),
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
