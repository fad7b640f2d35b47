import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { DataError, FormatError } from '../errors.ts';
import { mnist } from './mnist.ts';

const folder = join(mkdtempSync(join(tmpdir(), 'lockstep-mnist-')), 'files');
afterAll(() => rmSync(folder, { recursive: true }));

function idx(
  shape: readonly number[],
  bytes: readonly number[],
  magic: readonly number[] = [0, 0, 8, shape.length],
): Buffer {
  const sizes = Buffer.alloc(4 * shape.length);
  for (const [i, size] of shape.entries()) sizes.writeUInt32BE(size, 4 * i);
  return Buffer.concat([Buffer.from(magic), sizes, Buffer.from(bytes)]);
}

const put = (name: string, bytes: Buffer) => writeFileSync(join(folder, name), bytes);
const trainImages = [0, 255, 51, 0, 0, 0, 102, 204, 1, 2, 3, 4];

beforeEach(() => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  put('train-images-idx3-ubyte', idx([2, 2, 3], trainImages));
  put('train-labels-idx1-ubyte.gz', gzipSync(idx([2], [7, 0])));
  put('t10k-images-idx3-ubyte.gz', gzipSync(idx([1, 2, 3], [9, 8, 7, 6, 5, 4])));
  put('t10k-labels-idx1-ubyte', idx([1], [9]));
});

test('packed and plain files side by side', async () => {
  const { train, test: held } = await mnist(folder);
  expect([train.length, held.length]).toEqual([2, 1]);
  expect(train.shapes).toEqual({ image: [1, 2, 3], label: [] });
  expect(train.sample(0)).toEqual({ image: new Float32Array([0, 1, 0.2, 0, 0, 0]), label: new Int32Array([7]) });
  expect(train.sample(1)).toMatchObject({ label: new Int32Array([0]) });
  expect(held.sample(0)).toMatchObject({ label: new Int32Array([9]) });
  put('train-images-idx3-ubyte', idx([2, 2, 3], [...trainImages.slice(0, 11), 5]));
  expect((await mnist(folder)).train.digest).not.toBe(train.digest);
});

test.each<[string, string, Buffer, typeof FormatError | typeof DataError, RegExp]>([
  [
    'a picture of another format',
    'train-images-idx3-ubyte',
    Buffer.from('\x89PNG\r\n\x1a\n'),
    FormatError,
    /train-images-idx3-ubyte is not an IDX file of bytes in 3 dimensions: it starts with c289504e/,
  ],
  ['an empty file', 'train-images-idx3-ubyte', Buffer.alloc(0), FormatError, /starts with nothing/],
  [
    'labels for images',
    'train-images-idx3-ubyte',
    idx([12], trainImages),
    FormatError,
    /not an IDX file of bytes in 3 dimensions/,
  ],
  [
    'floats',
    'train-images-idx3-ubyte',
    idx([2, 2, 3], trainImages, [0, 0, 13, 3]),
    FormatError,
    /starts with 00000d03, not 00000803/,
  ],
  [
    'a header cut short',
    'train-images-idx3-ubyte',
    idx([2, 2, 3], []).subarray(0, 9),
    FormatError,
    /ends within its header of 16 bytes/,
  ],
  [
    'a file cut short',
    'train-images-idx3-ubyte',
    idx([2, 2, 3], trainImages.slice(1)),
    FormatError,
    /is damaged: its header says \[2, 2, 3\], 12 bytes, but 11 follow/,
  ],
  ['a file too long', 'train-images-idx3-ubyte', idx([2, 2, 3], [...trainImages, 0]), FormatError, /but 13 follow/],
  ['images of no size', 'train-images-idx3-ubyte', idx([2, 0, 3], []), FormatError, /has no pixels: \[2, 0, 3\]/],
  [
    'a damaged archive',
    't10k-images-idx3-ubyte.gz',
    gzipSync(idx([1, 2, 3], [9, 8, 7, 6, 5, 4])).subarray(0, 20),
    FormatError,
    /t10k-images-idx3-ubyte.gz cannot be unpacked/,
  ],
  [
    'what is no archive',
    't10k-images-idx3-ubyte.gz',
    idx([1, 2, 3], [9, 8, 7, 6, 5, 4]),
    FormatError,
    /t10k-images-idx3-ubyte.gz cannot be unpacked \(incorrect header check\)/,
  ],
  [
    'more images than labels',
    'train-images-idx3-ubyte',
    idx([3, 2, 2], trainImages),
    DataError,
    /has 3 images, .*train-labels-idx1-ubyte.gz has 2 labels/,
  ],
  [
    'a label out of range',
    't10k-labels-idx1-ubyte',
    idx([1], [10]),
    DataError,
    /t10k-labels-idx1-ubyte: image 0 has label 10; labels go from 0 to 9/,
  ],
  [
    'splits of other sizes',
    't10k-images-idx3-ubyte.gz',
    gzipSync(idx([1, 3, 2], [9, 8, 7, 6, 5, 4])),
    DataError,
    /train with are \[1,2,3\], those to test with \[1,3,2\]/,
  ],
])('%s is refused by name', async (_, name, bytes, type, message) => {
  put(name, bytes);
  await expect(mnist(folder)).rejects.toThrow(type);
  await expect(mnist(folder)).rejects.toThrow(message);
});

test('a missing file, and a folder where a file should be', async () => {
  rmSync(join(folder, 't10k-labels-idx1-ubyte'));
  await expect(mnist(folder)).rejects.toThrow(
    /has neither t10k-labels-idx1-ubyte nor t10k-labels-idx1-ubyte.gz; put the four files of https/,
  );
  mkdirSync(join(folder, 't10k-labels-idx1-ubyte'));
  await expect(mnist(folder)).rejects.toThrow(/Cannot read .*t10k-labels-idx1-ubyte \(EISDIR\)/);
  await expect(mnist(join(folder, 'none'))).rejects.toThrow(DataError);
});

test('without a network: the URL and the folder to put the files in', async () => {
  const download = mnist(undefined, { mirror: 'http://127.0.0.1:9/mnist', cache: folder });
  await expect(download).rejects.toThrow(DataError);
  await expect(download).rejects.toThrow(`cannot download http://127.0.0.1:9/mnist/train-images-idx3-ubyte.gz`);
  await expect(download).rejects.toThrow(`Put train-images-idx3-ubyte.gz from there into ${join(folder, 'mnist')}`);
});
