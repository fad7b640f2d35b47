import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/** The few operations a run's folder needs, passed in so that tests can let them fail, lose their effect, or see two processes at once. */
export interface FileSystem {
  /** With those above it; forced to disk where it is new, or a power cut could take all that comes into it. */
  makeDirectory(path: string): Promise<void>;
  /** For writing; what the file holds stays. Made where it is missing. */
  open(path: string): Promise<WritableFile>;
  /** For writing, where it is new; null where it is there, whoever made it, however shortly before. */
  create(path: string): Promise<WritableFile | null>;
  rename(from: string, to: string): Promise<void>;
  /** Forces a directory's entries to disk. */
  syncDirectory(path: string): Promise<void>;
  /** @throws where it is no plain file */
  read(path: string): Promise<Uint8Array>;
  /** Names in a directory; empty where there is none. */
  list(path: string): Promise<string[]>;
  /** With everything in it; fine where it is missing. */
  remove(path: string): Promise<void>;
}

export interface WritableFile {
  /** Writes all of it from `position` on. */
  write(bytes: Uint8Array, position: number): Promise<void>;
  truncate(length: number): Promise<void>;
  /** Forces the contents to disk. After a failure nothing is known of them, and asking again proves nothing: open the file anew. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function writable(file: FileHandle): WritableFile {
  return {
    async write(bytes, position) {
      // write() may take only a part.
      for (let done = 0; done < bytes.length; ) {
        done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
      }
    },
    truncate: (length) => file.truncate(length),
    sync: () => file.sync(),
    close: () => file.close(),
  };
}

export const nodeFileSystem: FileSystem = {
  async makeDirectory(path) {
    const first = await mkdir(path, { recursive: true });
    if (first === undefined) return;
    for (let made = resolve(path); ; made = dirname(made)) {
      await syncDirectory(dirname(made));
      if (made === resolve(first)) return;
    }
  },
  open: async (path) => writable(await open(path, constants.O_WRONLY | constants.O_CREAT)),
  async create(path) {
    try {
      return writable(await open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return null;
      throw error;
    }
  },
  rename,
  syncDirectory,
  async read(path) {
    // Neither a link out of the folder, nor a pipe that would keep the reader for good.
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      if (!(await file.stat()).isFile()) throw Object.assign(new Error(`${path} is no plain file`), { code: 'EINVAL' });
      return await file.readFile();
    } finally {
      await file.close();
    }
  },
  async list(path) {
    try {
      return await readdir(path);
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  },
  remove: (path) => rm(path, { recursive: true, force: true }),
};

export const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';

/** A new file with these contents, one piece behind the other, forced to disk. What fails is left as it is and never asked to sync again. */
export async function writeDurably(fs: FileSystem, path: string, ...pieces: readonly Uint8Array[]): Promise<void> {
  const file = await fs.open(path);
  try {
    let position = 0;
    for (const piece of pieces) {
      await file.write(piece, position);
      position += piece.length;
    }
    await file.sync();
  } finally {
    await file.close();
  }
}
