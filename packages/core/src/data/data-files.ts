import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { DataError, FormatError } from '../errors.ts';

/** A file's bytes, and the path they came from. */
export interface DataFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** The first of these files that the folder has, unpacked if its name ends in `.gz`. */
export function findFile(folder: string, names: readonly string[]): DataFile | undefined {
  for (const name of names) {
    const path = join(folder, name);
    const bytes = readIfThere(path);
    if (bytes) return { path, bytes: name.endsWith('.gz') ? unpack(bytes, path) : bytes };
  }
  return undefined;
}

/** @throws FormatError naming the file if it is not gzip, or damaged */
export function unpack(bytes: Uint8Array, path: string): Uint8Array {
  try {
    return gunzipSync(bytes);
  } catch (error) {
    throw new FormatError(`${path} cannot be unpacked (${(error as Error).message}): it is damaged, get it again.`);
  }
}

function readIfThere(path: string): Uint8Array | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new DataError(`Cannot read ${path} (${code}): check that it is a file that may be read.`);
  }
}
