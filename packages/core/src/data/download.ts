import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { DataError } from '../errors.ts';

export interface DownloadOptions {
  /** Where the files are taken from instead, e.g. a mirror in a closed network; they must be the same, byte for byte. */
  readonly mirror?: string;
  /** Where downloads are kept; default `LOCKSTEP_CACHE`, else `lockstep` in the user's cache folder. */
  readonly cache?: string;
}

export interface Download {
  /** The function that users called. */
  readonly name: string;
  readonly url: string;
  /** Of the file as it is downloaded. */
  readonly sha256: string;
  /** In the cache. */
  readonly folder: string;
  readonly file: string;
}

/** The folder of one data set in the cache. */
export function cacheFolder(dataSet: string, cache?: string): string {
  const home = process.env.LOCKSTEP_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'lockstep');
  return join(cache ?? home, dataSet);
}

/**
 * A file of a known data set: from the cache, or downloaded into it. Its checksum is compared either way, so a damaged file is
 * fetched again and never used.
 *
 * @returns its bytes
 * @throws DataError naming the URL and the folder if it can be had from neither
 */
export async function download({ name, url, sha256, folder, file }: Download): Promise<Uint8Array> {
  const path = join(folder, file);
  const kept = await readFile(path).catch(() => undefined);
  if (kept && digestOf(kept) === sha256) return kept;
  const remedy = `Put ${file} from there into ${folder}, or give the folder that has it by --data or ${name}(path).`;
  const bytes = await get(url).catch((error: Error) => {
    throw new DataError(`${name}: cannot download ${url} (${reasonOf(error)}). ${remedy}`);
  });
  const digest = digestOf(bytes);
  if (digest !== sha256)
    throw new DataError(`${name}: ${url} has SHA-256 ${digest}, not ${sha256}, so it is not used. ${remedy}`);
  await keep(bytes, folder, path).catch((error: NodeJS.ErrnoException) => {
    throw new DataError(
      `${name}: cannot keep ${path} (${error.code}); set LOCKSTEP_CACHE to a folder that can be written.`,
    );
  });
  return bytes;
}

async function get(url: string): Promise<Uint8Array> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

/** Written aside first: whoever reads the cache meanwhile sees all of the file or none. */
async function keep(bytes: Uint8Array, folder: string, path: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const aside = `${path}.${randomUUID()}`;
  try {
    await writeFile(aside, bytes);
    await rename(aside, path);
  } finally {
    await rm(aside, { force: true });
  }
}

const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** `fetch` hides why it failed in the cause. */
const reasonOf = (error: Error): string => (error.cause as NodeJS.ErrnoException | undefined)?.code ?? error.message;
