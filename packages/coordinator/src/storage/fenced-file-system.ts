import type { Fence } from './fence.ts';
import type { FileSystem, WritableFile } from './file-system.ts';

/** Looks at the fence before every change, so that a process that was replaced makes none. */
export class FencedFileSystem implements FileSystem {
  readonly #fs: FileSystem;
  readonly #fence: Fence;

  constructor(fs: FileSystem, fence: Fence) {
    this.#fs = fs;
    this.#fence = fence;
  }

  async makeDirectory(path: string): Promise<void> {
    await this.#fence.check();
    await this.#fs.makeDirectory(path);
  }

  async open(path: string): Promise<WritableFile> {
    await this.#fence.check();
    return this.#fenced(await this.#fs.open(path));
  }

  async create(path: string): Promise<WritableFile | null> {
    await this.#fence.check();
    const file = await this.#fs.create(path);
    return file && this.#fenced(file);
  }

  #fenced(file: WritableFile): WritableFile {
    return {
      write: async (bytes, position) => {
        await this.#fence.check();
        await file.write(bytes, position);
      },
      truncate: async (length) => {
        await this.#fence.check();
        await file.truncate(length);
      },
      sync: () => file.sync(),
      close: () => file.close(),
    };
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#fence.check();
    await this.#fs.rename(from, to);
  }

  async remove(path: string): Promise<void> {
    await this.#fence.check();
    await this.#fs.remove(path);
  }

  syncDirectory(path: string): Promise<void> {
    return this.#fs.syncDirectory(path);
  }

  read(path: string): Promise<Uint8Array> {
    return this.#fs.read(path);
  }

  list(path: string): Promise<string[]> {
    return this.#fs.list(path);
  }
}
