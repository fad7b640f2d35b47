import { dirname } from 'node:path';
import { type FileSystem, writeDurably } from './file-system.ts';

/** After a crash at any moment the file holds what it held before, or all of the new contents. */
export async function replaceFile(fs: FileSystem, path: string, bytes: Uint8Array, temporary = `${path}.tmp`) {
  await fs.remove(temporary);
  await writeDurably(fs, temporary, bytes);
  await fs.rename(temporary, path);
  await fs.syncDirectory(dirname(path));
}
