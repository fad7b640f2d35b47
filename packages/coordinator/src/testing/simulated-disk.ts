import type { FileSystem, WritableFile } from '../storage/file-system.ts';
import { SimulatedDirectory, SimulatedFile } from './simulated-inodes.ts';

export type DiskOperation =
  | 'makeDirectory'
  | 'open'
  | 'write'
  | 'truncate'
  | 'sync'
  | 'rename'
  | 'syncDirectory'
  | 'unlink'
  | 'read'
  | 'list';

/** Before this operation: nothing, an error of that code, or the death of the process. */
export type DiskFault = { readonly code: string } | 'killed' | undefined;

export interface MountOptions {
  /** Asked before every operation; a write asks twice, the second time with half of it done. */
  readonly before?: (operation: DiskOperation, path: string) => DiskFault;
  /** Awaited before every operation: other processes run meanwhile. */
  readonly pause?: () => Promise<void>;
}

/**
 * A disk in memory as a system shows it to processes, and as a power cut leaves it: what was not forced to disk is there or not, sector by sector
 * and entry by entry, in any order. Every process mounts it for itself, so that one can die while others go on.
 */
export class SimulatedDisk {
  readonly #root: SimulatedDirectory;

  constructor(root = new SimulatedDirectory()) {
    this.#root = root;
  }

  mount(options: MountOptions = {}): MountedDisk {
    return new MountedDisk(this.#root, options);
  }

  /** The disk after a power cut now. `random` gives numbers from 0 to 1. Processes of the old disk may go on: it is another. */
  powerCut(random: () => number): SimulatedDisk {
    // Also all and nothing, which coins would hardly give.
    const share = [0, 0.5, 1, random()][Math.floor(random() * 4)] as number;
    return new SimulatedDisk(this.#root.survivor(() => random() < share, new Map()));
  }
}

/** One process' view of a disk. */
export class MountedDisk implements FileSystem {
  /** Resolves when the process is dead: none of its operations settles any more. */
  readonly killed: Promise<void>;
  /** Operations so far. */
  operations = 0;
  readonly #root: SimulatedDirectory;
  readonly #options: MountOptions;
  #dead = false;
  #die: () => void = () => undefined;

  constructor(root: SimulatedDirectory, options: MountOptions) {
    this.#root = root;
    this.#options = options;
    this.killed = new Promise((resolve) => {
      this.#die = resolve;
    });
  }

  /** As SIGKILL does: the system keeps what was written, on disk or not yet. */
  kill(): void {
    this.#dead = true;
    this.#die();
  }

  async makeDirectory(path: string): Promise<void> {
    await this.#admit('makeDirectory', path);
    this.#root.makeDirectories(partsOf(path));
  }

  async open(path: string): Promise<WritableFile> {
    await this.#admit('open', path);
    const { directory, name } = this.#parent(path);
    return this.#writable(path, directory.file(name) ?? directory.set(name, new SimulatedFile()));
  }

  async create(path: string): Promise<WritableFile | null> {
    await this.#admit('open', path);
    const { directory, name } = this.#parent(path);
    return directory.names().includes(name) ? null : this.#writable(path, directory.set(name, new SimulatedFile()));
  }

  #writable(path: string, file: SimulatedFile): WritableFile {
    return {
      write: async (bytes, position) => {
        await this.#admit('write', path);
        const half = bytes.length >>> 1;
        file.write(bytes.slice(0, half), position);
        await this.#admit('write', path);
        file.write(bytes.slice(half), position + half);
      },
      truncate: async (length) => {
        await this.#admit('truncate', path);
        file.truncate(length);
      },
      sync: async () => {
        await this.#admit('sync', path, () => file.loseUnsynced());
        file.sync();
      },
      close: async () => undefined,
    };
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#admit('rename', from);
    const { directory, name } = this.#parent(from);
    const target = this.#parent(to);
    if (target.directory !== directory) throw failure('EXDEV', from);
    directory.rename(name, target.name);
  }

  async syncDirectory(path: string): Promise<void> {
    await this.#admit('syncDirectory', path);
    this.#directory(path).sync();
  }

  async read(path: string): Promise<Uint8Array> {
    await this.#admit('read', path);
    const { directory, name } = this.#parent(path);
    const file = directory.file(name);
    if (!file) throw failure('ENOENT', path);
    return file.contents();
  }

  async list(path: string): Promise<string[]> {
    await this.#admit('list', path);
    return this.#root.find(partsOf(path))?.names() ?? [];
  }

  async remove(path: string): Promise<void> {
    const { directory, name } = this.#parent(path);
    const inside = directory.subdirectory(name)?.names() ?? [];
    for (const entry of inside) await this.remove(`${path}/${entry}`);
    if (!directory.names().includes(name)) return;
    await this.#admit('unlink', path);
    directory.delete(name);
  }

  async #admit(operation: DiskOperation, path: string, onError?: () => void): Promise<void> {
    await this.#options.pause?.();
    this.operations++;
    const fault = this.#dead ? 'killed' : this.#options.before?.(operation, path);
    if (fault === 'killed') {
      this.kill();
      await new Promise<never>(() => undefined);
    } else if (fault) {
      onError?.();
      throw failure(fault.code, path);
    }
  }

  #parent(path: string): { directory: SimulatedDirectory; name: string } {
    const parts = partsOf(path);
    const name = parts.pop() as string;
    return { directory: this.#directory(parts.join('/')), name };
  }

  #directory(path: string): SimulatedDirectory {
    const found = this.#root.find(partsOf(path));
    if (!found) throw failure('ENOENT', path);
    return found;
  }
}

const partsOf = (path: string): string[] => path.split('/').filter((part) => part !== '' && part !== '.');

const failure = (code: string, path: string): Error => Object.assign(new Error(`${code}: ${path}`), { code });
