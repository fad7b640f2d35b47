import { cpus } from 'node:os';

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

/** Lines of a table in Markdown. */
export const table = (head: readonly string[], rows: readonly (readonly string[])[]): string[] => [
  row(head),
  row(head.map(() => '---')),
  ...rows.map(row),
];

/** What a table was measured on. */
export const machine = (): string =>
  `${cpus().length} x ${cpus()[0]?.model}, Node ${process.versions.node}, ${new Date().toISOString().slice(0, 10)}`;

/** Three digits, and no more behind the point than mean something. */
export const ms = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));
export const ratio = (value: number): string => value.toFixed(2);
export const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);
