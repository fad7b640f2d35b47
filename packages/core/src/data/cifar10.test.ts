import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { createTar } from 'nanotar';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { DataError, FormatError } from '../errors.ts';
import { cifar10, cifar10Classes } from './cifar10.ts';

const home = mkdtempSync(join(tmpdir(), 'lockstep-cifar10-'));
const folder = join(home, 'files');
const packed = join(folder, 'cifar-10-binary.tar.gz');
afterAll(() => rmSync(home, { recursive: true }));

/** Records of label and pixels, all of one level. */
const records = (...pairs: readonly (readonly [label: number, level: number])[]): Buffer =>
  Buffer.concat(pairs.map(([label, level]) => Buffer.concat([Buffer.from([label]), Buffer.alloc(3072, level)])));

const contents: Record<string, Buffer> = {
  'data_batch_1.bin': records([3, 0], [9, 51]),
  'data_batch_2.bin': records([0, 102]),
  'data_batch_3.bin': records([1, 1]),
  'data_batch_4.bin': records([2, 2]),
  'data_batch_5.bin': records([8, 255]),
  'test_batch.bin': records([5, 204]),
};

const tarOf = (files: Record<string, Buffer>) =>
  gzipSync(
    createTar(
      Object.entries(files).map(([name, data]) => ({
        name: `cifar-10-batches-bin/${name}`,
        data: new Uint8Array(data),
      })),
    ),
  );

function putAll(into: string): void {
  mkdirSync(into, { recursive: true });
  for (const [name, bytes] of Object.entries(contents)) writeFileSync(join(into, name), bytes);
}

beforeEach(() => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
});

const putArchive = () => writeFileSync(packed, tarOf(contents));

test.each<[string, string, () => void]>([
  ['a folder', folder, () => putAll(folder)],
  ['the folder above', folder, () => putAll(join(folder, 'cifar-10-batches-bin'))],
  ['the archive', packed, putArchive],
  ['a folder with the archive', folder, putArchive],
])('%s', async (_, path, put) => {
  put();
  const { train, test: held } = await cifar10(path);
  expect([train.length, held.length]).toEqual([6, 1]);
  expect(train.shapes).toEqual({ image: [3, 32, 32], label: [] });
  const seen = [0, 1, 2, 5].map((i) => train.sample(i) as { image: Float32Array; label: Int32Array });
  expect(seen.map(({ label }) => label[0])).toEqual([3, 9, 0, 8]);
  for (const [i, level] of [0, 0.2, 0.4, 1].entries())
    expect(seen[i]?.image).toEqual(new Float32Array(3072).fill(level));
  expect(held.sample(0)).toMatchObject({ label: new Int32Array([5]) });
  expect(cifar10Classes).toHaveLength(10);
});

test('the digest is the same from files and archive', async () => {
  putAll(folder);
  const { train } = await cifar10(folder);
  const path = join(home, 'other.tar.gz');
  writeFileSync(path, tarOf(contents));
  expect((await cifar10(path)).train.digest).toBe(train.digest);
});

test('files that are damaged, missing or of other data are refused by name', async () => {
  putAll(folder);
  writeFileSync(join(folder, 'data_batch_3.bin'), records([1, 1]).subarray(1));
  await expect(cifar10(folder)).rejects.toThrow(FormatError);
  await expect(cifar10(folder)).rejects.toThrow(/data_batch_3.bin is damaged or no CIFAR-10 binary file: 3072 bytes/);
  writeFileSync(join(folder, 'data_batch_3.bin'), '');
  await expect(cifar10(folder)).rejects.toThrow('0 bytes are not a whole number');
  writeFileSync(join(folder, 'data_batch_3.bin'), records([10, 0]));
  await expect(cifar10(folder)).rejects.toThrow(DataError);
  await expect(cifar10(folder)).rejects.toThrow('image 3 has label 10; labels go from 0 to 9');
  rmSync(join(folder, 'data_batch_3.bin'));
  await expect(cifar10(folder)).rejects.toThrow(`${folder} has no data_batch_3.bin`);
  await expect(cifar10(join(home, 'none'))).rejects.toThrow(/has neither test_batch.bin nor cifar-10-binary.tar.gz/);
});

test.each<[string, Buffer, RegExp]>([
  ['cut short', tarOf(contents).subarray(0, 60), /cifar-10-binary.tar.gz cannot be unpacked/],
  ['no archive', Buffer.from('<html>'), /cannot be unpacked \(incorrect header check\)/],
  ['packed, but no tar', gzipSync(Buffer.alloc(2000, 'x')), /(is no tar archive|has no data_batch_1.bin)/],
  [
    'another archive',
    tarOf({ 'readme.html': Buffer.from('x') }),
    /has no data_batch_1.bin: it is damaged or another archive/,
  ],
])('an archive that is %s', async (_, bytes, message) => {
  writeFileSync(packed, bytes);
  await expect(cifar10(folder)).rejects.toThrow(FormatError);
  await expect(cifar10(folder)).rejects.toThrow(message);
});

test('without a network: the URL and the folder to put the archive in', async () => {
  const refused = cifar10(undefined, { mirror: 'http://127.0.0.1:9', cache: folder });
  await expect(refused).rejects.toThrow(DataError);
  await expect(refused).rejects.toThrow('cannot download http://127.0.0.1:9/cifar-10-binary.tar.gz');
  await expect(refused).rejects.toThrow(`Put cifar-10-binary.tar.gz from there into ${join(folder, 'cifar10')}`);
});
