import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { DataError, FormatError, UsageError } from '../errors.ts';
import { type CsvField, csv } from './csv.ts';

const folder = mkdtempSync(join(tmpdir(), 'lockstep-csv-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(text: string): string {
  const path = join(folder, 'rows.csv');
  writeFileSync(path, text);
  return path;
}

const flowers = 'length,width,species\n1.5,2,rose\n-3,4e1,"tulip, red"\n0,0.25,rose\n7,8,daisy\n';
const fields = { x: { columns: ['width', 'length'] }, label: { columns: 'species', categories: true } } as const;

test('columns become scalars and vectors, names their place in the sorted list', () => {
  const source = csv(file(`\ufeff${flowers}`), { fields });
  expect(source.length).toBe(4);
  expect(source.shapes).toEqual({ x: [2], label: [] });
  expect(source.categories).toEqual({ label: ['daisy', 'rose', 'tulip, red'] });
  expect(source.sample(1)).toEqual({ x: new Float32Array([40, -3]), label: new Int32Array([2]) });
  expect(source.digest).toHaveLength(64);
});

test('given categories, another delimiter, whole numbers', () => {
  const source = csv(file('n;c\n5;b\n-2;a\n'), {
    delimiter: ';',
    fields: { n: { columns: 'n', dtype: 'i32' }, c: { columns: ['c'], categories: ['b', 'a'] } },
  });
  expect([source.sample(0), source.sample(1)]).toEqual([
    { n: new Int32Array([5]), c: new Int32Array([0]) },
    { n: new Int32Array([-2]), c: new Int32Array([1]) },
  ]);
});

test('splits share the categories and no row, also shuffled', () => {
  const path = file(flowers);
  for (const shuffled of [{}, { seed: 1 }, { seed: 2 }]) {
    const [train, rest] = [
      csv(path, { fields, ...shuffled, split: { from: 0, to: 0.5 } }),
      csv(path, { fields, ...shuffled, split: { from: 0.5, to: 1 } }),
    ];
    expect(train.categories).toEqual(rest.categories);
    const widths = [train, rest].flatMap((source) => [0, 1].map((i) => (source.sample(i) as { x: Float32Array }).x[0]));
    expect(new Set(widths)).toEqual(new Set([2, 40, 0.25, 8]));
    if (!('seed' in shuffled)) expect(widths).toEqual([2, 40, 0.25, 8]);
  }
});

test.each<[string, string, Record<string, CsvField>, string]>([
  [
    'a column that is not there',
    flowers,
    { x: { columns: 'height' } },
    'has no column "height" for field "x"; it has length, width, species',
  ],
  ['a name for a number', flowers, { x: { columns: 'species' } }, 'line 2 of'],
  ['nothing for a number', 'a,b\n1,\n', { x: { columns: 'b' } }, 'has nothing in column "b", not a number'],
  [
    'a fraction for a whole number',
    'a\n1\n2.5\n',
    { x: { columns: 'a', dtype: 'i32' } },
    'has "2.5" in column "a", not a whole number',
  ],
  ['an infinite number', 'a\nInfinity\n', { x: { columns: 'a' } }, 'has "Infinity" in column "a"'],
  [
    'a name of no category',
    flowers,
    { x: { columns: 'species', categories: ['rose'] } },
    'has "tulip, red" in column "species", not one of rose',
  ],
  ['only a header', 'a,b\n', { x: { columns: 'a' } }, 'has no rows below its header line'],
])('%s is refused', (_, text, wanted, message) => {
  const path = file(text);
  expect(() => csv(path, { fields: wanted })).toThrow(DataError);
  expect(() => csv(path, { fields: wanted })).toThrow(message);
});

test('a file that is not CSV, or not there, and a split that is none', () => {
  expect(() => csv(file('a,b\n1,2,3\n'), { fields: { x: { columns: 'a' } } })).toThrow(FormatError);
  expect(() => csv(file('a,b\n1,2,3\n'), { fields: { x: { columns: 'a' } } })).toThrow('on line 2');
  expect(() => csv(join(folder, 'none.csv'), { fields })).toThrow('cannot read');
  expect(() => csv(file(flowers), { fields, split: { from: 0.5, to: 0.5 } })).toThrow(UsageError);
  expect(() => csv(file(flowers), { fields, split: { from: 0, to: 0.1 } })).toThrow(
    'has 4 rows, and none in this split',
  );
});
