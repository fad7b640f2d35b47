import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { sourceFingerprint } from '../job/data-digest.ts';
import { csv } from './csv.ts';
import type { DataDescriptor } from './descriptor.ts';
import { glyphs } from './glyphs.ts';
import { images32 } from './images32.ts';
import { openData } from './open-data.ts';
import type { DataSource } from './source.ts';
import { text } from './text.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lockstep-open-'));
  writeFileSync(join(folder, 'words.txt'), 'the quick brown fox jumps over the lazy dog. '.repeat(20));
  writeFileSync(
    join(folder, 'rows.csv'),
    `a,b,kind\n${Array.from({ length: 30 }, (_, i) => `${i},${i * i},k${i % 3}`).join('\n')}\n`,
  );
});

const sources = (): Record<string, DataSource> => ({
  glyphs: glyphs({ split: 'test', seed: 3, length: 50, classes: [1, 7] }),
  images32: images32({ length: 40 }),
  text: text({ path: join(folder, 'words.txt'), context: 8, split: { from: 0.5, to: 1 }, stride: 4 }),
  csv: csv(join(folder, 'rows.csv'), {
    fields: { x: { columns: ['a', 'b'] }, label: { columns: 'kind', categories: true } },
    seed: 5,
  }),
});

test.each(['glyphs', 'images32', 'text', 'csv'])('%s opened from its description is the same data', async (kind) => {
  const source = sources()[kind] as DataSource;
  // As it arrives at another machine.
  const descriptor = JSON.parse(JSON.stringify(source.descriptor)) as DataDescriptor;
  const opened = await openData(descriptor, { root: folder });
  expect(opened.length).toBe(source.length);
  expect(await sourceFingerprint(opened)).toBe(await sourceFingerprint(source));
  expect(await opened.sample(7)).toEqual(await source.sample(7));
});

test('a source made from another one does not pass for it', async () => {
  const source = glyphs({ length: 20 });
  const negative = { ...source, sample: async (i: number) => ({ ...(await source.sample(i)), label: 1 }) };
  expect(negative.descriptor).toBeUndefined();
  expect(await sourceFingerprint(negative)).not.toBe(await sourceFingerprint(source));
});

test('files are read from the folder that was opened, and from nowhere else', async () => {
  const { descriptor } = sources().text as { descriptor: DataDescriptor };
  await expect(openData(descriptor, { root: undefined })).rejects.toThrow(/no folder was opened for reading/);
  const secret = { ...descriptor, files: ['/etc/passwd'] };
  await expect(openData(secret, { root: folder })).rejects.toThrow(/passwd/);
  for (const file of ['..', '/', ''])
    await expect(openData({ ...descriptor, files: [file] }, { root: folder })).rejects.toThrow(
      /may be read here|cannot read/,
    );
  await expect(openData({ ...descriptor, kind: 'shell' as 'text' }, { root: folder })).rejects.toThrow(
    /cannot be opened/,
  );
});

test('the folder may be the file itself', async () => {
  const source = sources().text as DataSource & { descriptor: DataDescriptor };
  const opened = await openData(source.descriptor, { root: join(folder, 'words.txt') });
  expect(opened.length).toBe(source.length);
});
