import { basename, join, resolve, sep } from 'node:path';
import { DataError } from '../errors.ts';
import { cifar10 } from './cifar10.ts';
import { type CsvField, type CsvOptions, csv } from './csv.ts';
import { type DataDescriptor, type DescriptorKind, descriptorKinds } from './descriptor.ts';
import { type GlyphOptions, glyphs } from './glyphs.ts';
import { type Images32Options, images32 } from './images32.ts';
import { mnist } from './mnist.ts';
import type { DataSource } from './source.ts';
import { type TextOptions, text } from './text.ts';

export interface OpenOptions {
  /** The folder that files may be read from; without one only generated data is opened. */
  readonly root: string | undefined;
}

type Opener = (descriptor: DataDescriptor, files: readonly string[]) => DataSource | Promise<DataSource>;

const openers: Record<DescriptorKind, Opener> = {
  glyphs: ({ options }) => glyphs(options as GlyphOptions),
  images32: ({ options }) => images32(options as Images32Options),
  text: ({ options }, paths) => text({ ...(options as unknown as TextOptions), paths }),
  csv: ({ options }, [path]) => csv(path as string, options as unknown as CsvOptions<Record<string, CsvField>>),
  mnist: async ({ options }, [path]) => (await mnist(path))[splitOf(options)],
  cifar10: async ({ options }, [path]) => (await cifar10(path))[splitOf(options)],
};

/**
 * Opens a source from its description, on whichever machine. Whether it is the same data is for the caller to check, by its digest.
 *
 * @throws DataError where the kind is not known, a file is needed and no folder was opened for reading, or the file is not in it
 */
export async function openData(descriptor: DataDescriptor, { root }: OpenOptions): Promise<DataSource> {
  const { kind, files } = descriptor;
  if (!descriptorKinds.includes(kind)) throw new DataError(`Data of kind "${String(kind)}" cannot be opened here.`);
  const needsFiles = files.length > 0 || (kind !== 'glyphs' && kind !== 'images32');
  if (needsFiles && root === undefined)
    throw new DataError(`Data of kind "${kind}" is in files, and no folder was opened for reading (--data).`);
  return openers[kind](descriptor, needsFiles ? placesOf(files, root as string) : []);
}

/** A file is looked for by its name in the folder, which may also be the file itself; nothing outside is ever read. */
function placesOf(files: readonly string[], root: string): string[] {
  if (files.length === 0) return [root];
  return files.map((file) => {
    const name = basename(file);
    const place = basename(root) === name ? resolve(root) : resolve(join(root, name));
    if (name === '' || name === '..' || (place !== resolve(root) && !place.startsWith(resolve(root) + sep)))
      throw new DataError(`The file "${file}" of the data is not one that may be read here.`);
    return place;
  });
}

function splitOf({ split }: Readonly<Record<string, unknown>>): 'train' | 'test' {
  if (split === 'train' || split === 'test') return split;
  throw new DataError(`A data set has the splits train and test, not ${JSON.stringify(split)}.`);
}
