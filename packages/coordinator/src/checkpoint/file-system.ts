import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';

/** The few operations checkpoints need, passed in so that tests can let them fail. */
export interface FileSystem {
  makeDirectory(path: string): Promise<void>;
  /** Writes and forces to disk (fsync). */
  writeDurably(path: string, bytes: Uint8Array): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Forces a directory's entries to disk. */
  syncDirectory(path: string): Promise<void>;
  read(path: string): Promise<Uint8Array>;
  /** Names in a directory; empty where there is none. */
  list(path: string): Promise<string[]>;
  remove(path: string): Promise<void>;
}

export const nodeFileSystem: FileSystem = {
  makeDirectory: async (path) => void (await mkdir(path, { recursive: true })),
  async writeDurably(path, bytes) {
    const file = await open(path, 'w');
    try {
      // Not write(), which may take only a part.
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
  },
  rename,
  async syncDirectory(path) {
    const directory = await open(path, 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  },
  read: (path) => readFile(path),
  async list(path) {
    try {
      return await readdir(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  },
  remove: (path) => rm(path, { recursive: true, force: true }),
};
