import { DataError, FormatError } from '../errors.ts';
import { type DataFile, findFile, unpack } from './data-files.ts';
import { described } from './described.ts';
import { cacheFolder, type DownloadOptions, download } from './download.ts';
import { parseIdx } from './idx.ts';
import type { ImageSample } from './image-sample.ts';
import type { ImageSplits } from './image-splits.ts';
import type { DataSource } from './source.ts';
import { storedImages } from './stored-images.ts';

const source = 'https://storage.googleapis.com/cvdf-datasets/mnist/';

/** SHA-256 of the original files, packed. */
const checksums = {
  'train-images-idx3-ubyte': '440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609',
  'train-labels-idx1-ubyte': '3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c',
  't10k-images-idx3-ubyte': '8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6',
  't10k-labels-idx1-ubyte': 'f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6',
} as const;
type FileName = keyof typeof checksums;

/**
 * The MNIST digits (LeCun, Cortes and Burges): 60 000 images to train with and 10 000 to test, samples
 * `{ image: f32 [1, 28, 28] in 0..1, label: i32 [] }`. Data sets in the same files, such as Fashion-MNIST, can be read from a folder.
 *
 * @param path folder with the four IDX files, packed (`.gz`) or not; without it they are downloaded once and kept
 * @throws DataError if a file is missing or cannot be downloaded, or images and labels do not belong together
 * @throws FormatError naming the file that is damaged
 */
export async function mnist(path?: string, options: DownloadOptions = {}): Promise<ImageSplits> {
  const read = (name: FileName) => (path === undefined ? fromWeb(name, options) : fromFolder(path, name));
  const train = split(await read('train-images-idx3-ubyte'), await read('train-labels-idx1-ubyte'));
  const test = split(await read('t10k-images-idx3-ubyte'), await read('t10k-labels-idx1-ubyte'));
  if (String(train.shapes?.image) !== String(test.shapes?.image)) {
    throw new DataError(
      `data.mnist: the images to train with are [${train.shapes?.image}], those to test with [${test.shapes?.image}].`,
    );
  }
  const files = path === undefined ? [] : [path];
  return {
    train: described(train, { kind: 'mnist', options: { split: 'train' }, files }),
    test: described(test, { kind: 'mnist', options: { split: 'test' }, files }),
  };
}

function fromFolder(folder: string, name: FileName): DataFile {
  const file = findFile(folder, [name, `${name}.gz`]);
  if (!file) {
    throw new DataError(
      `data.mnist: ${folder} has neither ${name} nor ${name}.gz; put the four files of ${source} there.`,
    );
  }
  return file;
}

async function fromWeb(name: FileName, { mirror = source, cache }: DownloadOptions): Promise<DataFile> {
  const file = `${name}.gz`;
  const url = new URL(file, mirror.endsWith('/') ? mirror : `${mirror}/`).href;
  const folder = cacheFolder('mnist', cache);
  const bytes = await download({ name: 'data.mnist', url, sha256: checksums[name], folder, file });
  return { path: file, bytes: unpack(bytes, file) };
}

function split(imageFile: DataFile, labelFile: DataFile): DataSource<ImageSample> {
  const images = parseIdx(imageFile.bytes, 3, imageFile.path);
  const labels = parseIdx(labelFile.bytes, 1, labelFile.path);
  const [count, height, width] = images.shape as [number, number, number];
  if (images.data.length === 0) throw new FormatError(`${imageFile.path} has no pixels: [${images.shape.join(', ')}].`);
  if (count !== labels.data.length) {
    throw new DataError(
      `data.mnist: ${imageFile.path} has ${count} images, ${labelFile.path} has ${labels.data.length} labels.`,
    );
  }
  return storedImages({
    origin: `data.mnist: ${labelFile.path}`,
    pixels: images.data,
    labels: labels.data,
    shape: [1, height, width],
    classes: 10,
  });
}
