import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '@lockstep/core';
import type { KeyedCertificate } from './authority.ts';

/** The folder of an authority: never leaves the machine where certificates are made. */
export const authorityFiles = { certificate: 'ca.pem', key: 'ca-key.pem', token: 'token' } as const;

/** The folder that `--certs` names on a member's machine. */
export const memberFiles = { ca: 'ca.pem', certificate: 'certificate.pem', key: 'key.pem', token: 'token' } as const;

/**
 * Writes files that only their owner can read, in a folder only he can enter; refuses if one of them is there.
 * @throws UsageError
 */
export async function writeSecrets(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  const taken = Object.keys(files).find((name) => existsSync(join(folder, name)));
  if (taken)
    throw new UsageError(`${join(folder, taken)} is there already and is not overwritten: choose another folder.`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const written: string[] = [];
  try {
    for (const [name, text] of Object.entries(files)) {
      // `wx` closes the gap between looking and writing.
      await writeFile(join(folder, name), text, { mode: 0o600, flag: 'wx' });
      written.push(join(folder, name));
    }
  } catch (error) {
    await Promise.all(written.map((path) => rm(path, { force: true })));
    throw new UsageError(`${folder} cannot be written: ${(error as Error).message}`, { cause: error });
  }
}

/** @throws UsageError where the folder holds no authority */
export async function readAuthority(folder: string): Promise<KeyedCertificate & { readonly token: string }> {
  const read = async (name: string): Promise<string> => {
    try {
      return await readFile(join(folder, name), 'utf8');
    } catch (error) {
      throw new UsageError(
        `${join(folder, name)} cannot be read (${(error as NodeJS.ErrnoException).code}): make an authority with \`lockstep certs init ${folder}\` first.`,
        { cause: error },
      );
    }
  };
  return {
    certificate: await read(authorityFiles.certificate),
    key: await read(authorityFiles.key),
    token: await read(authorityFiles.token),
  };
}
