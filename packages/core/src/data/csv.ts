import { readFileSync } from 'node:fs';
import { CsvError, parse } from 'csv-parse/sync';
import { DataError, FormatError, UsageError } from '../errors.ts';
import { deriveKey, Permutation } from '../random/index.ts';
import { type ArrayField, arrays } from './arrays.ts';
import { described, plainOptions } from './described.ts';
import type { DataSource } from './source.ts';

/** One field of a sample: the column it comes from, or several that become a vector. */
export interface CsvField {
  readonly columns: string | readonly string[];
  /** Default f32; i32 takes whole numbers only. */
  readonly dtype?: 'f32' | 'i32';
  /** The column holds names: the value is a name's place in this list (i32). `true`: in the sorted list of all names of the file. */
  readonly categories?: true | readonly string[];
}

export interface CsvOptions<F extends Readonly<Record<string, CsvField>>> {
  readonly fields: F;
  /** Default ','. */
  readonly delimiter?: string;
  /** The part of the rows that samples are taken from, as fractions; default all. */
  readonly split?: { readonly from: number; readonly to: number };
  /** Shuffles the rows before they are split, the same way for the same seed; default: the file's own order. */
  readonly seed?: number;
}

export interface CsvSource<Names extends string = string> extends DataSource<Record<Names, ArrayField['data']>> {
  /** The list of names of each field that has categories. */
  readonly categories: Readonly<Record<string, readonly string[]>>;
}

interface Row {
  readonly record: Readonly<Record<string, string>>;
  readonly info: { readonly lines: number };
}

/**
 * Rows of a CSV file with a header line: `data.csv('iris.csv', { fields: { x: { columns: ['length', 'width'] }, label: { columns:
 * 'species', categories: true } } })` gives `{ x: f32 [2], label: i32 [] }`.
 *
 * @throws DataError naming line and column where a value is missing, not a number or not in the categories, or a column is not there
 * @throws FormatError naming the line where the file is not CSV
 */
export function csv<F extends Readonly<Record<string, CsvField>>>(
  path: string,
  options: CsvOptions<F>,
): CsvSource<keyof F & string> {
  const { split = { from: 0, to: 1 }, seed, delimiter = ',' } = options;
  if (!(split.from >= 0 && split.from < split.to && split.to <= 1))
    throw new UsageError(`data.csv: split { from: ${split.from}, to: ${split.to} } must be a part of 0 to 1.`);
  const rows = readRows(path, delimiter);
  const shuffled = seed === undefined ? undefined : new Permutation(rows.length, deriveKey(seed, 'shuffle'));
  const order = shuffled ? rows.map((_, i) => rows[shuffled.at(i)] as Row) : rows;
  const part = order.slice(Math.floor(split.from * rows.length), Math.floor(split.to * rows.length));
  if (part.length === 0) throw new DataError(`data.csv: ${path} has ${rows.length} rows, and none in this split.`);
  const categories: Record<string, readonly string[]> = {};
  const fields: Record<string, ArrayField> = {};
  for (const [name, field] of Object.entries(options.fields)) {
    const columns = typeof field.columns === 'string' ? [field.columns] : field.columns;
    const missing = columns.find((column) => !Object.hasOwn((rows[0] as Row).record, column));
    if (missing !== undefined) {
      const found = Object.keys((rows[0] as Row).record).join(', ');
      throw new DataError(`data.csv: ${path} has no column "${missing}" for field "${name}"; it has ${found}.`);
    }
    if (field.categories) categories[name] = field.categories === true ? namesIn(rows, columns) : field.categories;
    const read = valueReader(path, field, categories[name]);
    const Values = field.dtype === 'i32' || field.categories ? Int32Array : Float32Array;
    const data = Values.from(part.flatMap((row) => columns.map((column) => read(row, column))));
    fields[name] = { data, shape: [part.length, ...(typeof field.columns === 'string' ? [] : [columns.length])] };
  }
  const source = { ...(arrays(fields) as DataSource<Record<keyof F & string, ArrayField['data']>>), categories };
  return described(source, { kind: 'csv', options: plainOptions(options), files: [path] });
}

function readRows(path: string, delimiter: string): Row[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new DataError(`data.csv: cannot read ${path} (${code}); check the path given by --data or in the job.`);
  }
  let rows: Row[];
  try {
    rows = parse(text, {
      delimiter,
      columns: true,
      bom: true,
      trim: true,
      skip_empty_lines: true,
      info: true,
    }) as Row[];
  } catch (error) {
    if (error instanceof CsvError) throw new FormatError(`data.csv: ${path} is not CSV: ${error.message}.`);
    throw error;
  }
  if (rows.length === 0) throw new DataError(`data.csv: ${path} has no rows below its header line.`);
  return rows;
}

const namesIn = (rows: readonly Row[], columns: readonly string[]): string[] =>
  [...new Set(rows.flatMap(({ record }) => columns.map((column) => record[column] as string)))].sort();

/** Reads one value, or says which line and column it cannot read. */
function valueReader(path: string, { dtype }: CsvField, names: readonly string[] | undefined) {
  const places = names && new Map(names.map((name, place) => [name, place]));
  return ({ record, info }: Row, column: string): number => {
    const text = record[column] as string;
    const value = places ? places.get(text) : Number(text === '' ? Number.NaN : text);
    if (value !== undefined && Number.isFinite(value) && (dtype !== 'i32' || Number.isInteger(value))) return value;
    const wanted = places ? `one of ${names?.join(', ')}` : dtype === 'i32' ? 'a whole number' : 'a number';
    const found = text === '' ? 'nothing' : `"${text}"`;
    throw new DataError(`data.csv: line ${info.lines} of ${path} has ${found} in column "${column}", not ${wanted}.`);
  };
}
