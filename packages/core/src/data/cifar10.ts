import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseTar } from 'nanotar';
import { DataError, FormatError } from '../errors.ts';
import { type DataFile, findFile, unpack } from './data-files.ts';
import { described } from './described.ts';
import { cacheFolder, type DownloadOptions, download } from './download.ts';
import type { ImageSplits } from './image-splits.ts';
import { storedImages } from './stored-images.ts';

const source = 'https://www.cs.toronto.edu/~kriz/';
const archive = 'cifar-10-binary.tar.gz';
const archiveSha256 = 'c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd';
/** The folder that the archive unpacks to. */
const unpacked = 'cifar-10-batches-bin';

const trainFiles = [1, 2, 3, 4, 5].map((i) => `data_batch_${i}.bin`);
const testFiles = ['test_batch.bin'];

const shape = [3, 32, 32];
const imageBytes = 3 * 32 * 32;
/** A label, then the red, green and blue plane. */
const recordBytes = 1 + imageBytes;

/** What the labels of `cifar10` stand for. */
export const cifar10Classes: readonly string[] = [
  'airplane',
  'automobile',
  'bird',
  'cat',
  'deer',
  'dog',
  'frog',
  'horse',
  'ship',
  'truck',
];

/**
 * CIFAR-10 (Krizhevsky 2009): 50 000 colour images to train with and 10 000 to test, in ten classes, samples
 * `{ image: f32 [3, 32, 32] in 0..1, label: i32 [] }`.
 *
 * @param path the binary version's archive, or a folder with it or with its six `.bin` files; without it the archive (170 MB) is
 *   downloaded once and kept
 * @throws DataError if a file is missing or cannot be downloaded, or a label is out of range
 * @throws FormatError naming the file that is damaged
 */
export async function cifar10(path?: string, options: DownloadOptions = {}): Promise<ImageSplits> {
  const find = path === undefined ? await fromWeb(options) : fromPath(path);
  const files = path === undefined ? [] : [path];
  return {
    train: described(split(trainFiles.map(find)), { kind: 'cifar10', options: { split: 'train' }, files }),
    test: described(split(testFiles.map(find)), { kind: 'cifar10', options: { split: 'test' }, files }),
  };
}

type Find = (name: string) => DataFile;

async function fromWeb({ mirror = source, cache }: DownloadOptions): Promise<Find> {
  const url = new URL(archive, mirror.endsWith('/') ? mirror : `${mirror}/`).href;
  const folder = cacheFolder('cifar10', cache);
  const bytes = await download({ name: 'data.cifar10', url, sha256: archiveSha256, folder, file: archive });
  return fromArchive(bytes, archive);
}

function fromPath(path: string): Find {
  if (existsSync(path) && statSync(path).isFile()) return fromArchive(readFileSync(path), path);
  const folder = [path, join(path, unpacked)].find((place) => existsSync(join(place, testFiles[0] as string)));
  if (folder) {
    return (name) => {
      const file = findFile(folder, [name]);
      if (!file) throw new DataError(`data.cifar10: ${folder} has no ${name}; unpack ${source}${archive} again.`);
      return file;
    };
  }
  const packed = join(path, archive);
  if (existsSync(packed)) return fromArchive(readFileSync(packed), packed);
  throw new DataError(
    `data.cifar10: ${path} has neither ${testFiles[0]} nor ${archive}; put ${source}${archive} there.`,
  );
}

function fromArchive(bytes: Uint8Array, path: string): Find {
  const files = new Map(entriesOf(unpack(bytes, path), path).map(({ name, data }) => [name.split('/').at(-1), data]));
  return (name) => {
    const data = files.get(name);
    if (!data)
      throw new FormatError(`${path} has no ${name}: it is damaged or another archive; get ${source}${archive}.`);
    return { path: `${path}: ${name}`, bytes: data };
  };
}

function entriesOf(tar: Uint8Array, path: string) {
  try {
    // The parser reads the whole buffer behind its argument, which may hold more: a copy has one of its own.
    return parseTar(new Uint8Array(tar));
  } catch (error) {
    throw new FormatError(`${path} is no tar archive (${(error as Error).message}): get ${source}${archive}.`);
  }
}

function split(files: readonly DataFile[]): ImageSplits['train'] {
  const counts = files.map(({ path, bytes }) => {
    if (bytes.length > 0 && bytes.length % recordBytes === 0) return bytes.length / recordBytes;
    throw new FormatError(
      `${path} is damaged or no CIFAR-10 binary file: ${bytes.length} bytes are not a whole number of records of ${recordBytes}. Get it again.`,
    );
  });
  const total = counts.reduce((a, b) => a + b, 0);
  const pixels = new Uint8Array(total * imageBytes);
  const labels = new Uint8Array(total);
  let at = 0;
  for (const [f, { bytes }] of files.entries()) {
    for (let record = 0; record < (counts[f] as number); record++, at++) {
      const from = record * recordBytes;
      labels[at] = bytes[from] as number;
      pixels.set(bytes.subarray(from + 1, from + recordBytes), at * imageBytes);
    }
  }
  const origin = `data.cifar10: ${files.map(({ path }) => path).join(', ')}`;
  return storedImages({ origin, pixels, labels, shape, classes: cifar10Classes.length });
}
