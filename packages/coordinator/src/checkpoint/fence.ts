import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { FormatError, LockstepError } from '@lockstep/core';
import type { FileSystem } from './file-system.ts';

const fenceName = 'coordinator.json';

/** Which coordinator of which run a process is. */
export interface Incarnation {
  /** The same for all coordinators of a run's folder, random. */
  readonly run: string;
  /** Counts the coordinators of the run, from 1. */
  readonly incarnation: number;
}

/** Thrown where another coordinator has taken over a run's folder. */
export class SupersededError extends LockstepError {
  override readonly code = 'SUPERSEDED';
}

/**
 * Of two coordinators of one run, only the later one may write. Its number stands in the run's folder; whoever finds a higher one than
 * its own there was replaced while it was away, and stops.
 */
export class Fence {
  readonly #dir: string;
  readonly #fs: FileSystem;
  readonly own: Incarnation;

  private constructor(dir: string, fs: FileSystem, own: Incarnation) {
    this.#dir = dir;
    this.#fs = fs;
    this.own = own;
  }

  /** Takes the folder over: from now on every earlier coordinator is fenced off. @throws FormatError */
  static async take(
    dir: string,
    fs: FileSystem,
    newRun: () => string = () => randomBytes(8).toString('hex'),
  ): Promise<Fence> {
    const before = await read(dir, fs);
    const own = { run: before?.run ?? newRun(), incarnation: (before?.incarnation ?? 0) + 1 };
    await fs.makeDirectory(dir);
    await write(dir, fs, own);
    return new Fence(dir, fs, own);
  }

  /** Takes further numbers, where terms have overflowed into them. */
  async raise(incarnation: number): Promise<void> {
    await this.check();
    await write(this.#dir, this.#fs, { ...this.own, incarnation });
    (this.own as { incarnation: number }).incarnation = incarnation;
  }

  /** Before anything is written that others read. @throws SupersededError */
  async check(): Promise<void> {
    const now = await read(this.#dir, this.#fs);
    if (now && now.incarnation > this.own.incarnation) {
      throw new SupersededError(
        `Another coordinator (number ${now.incarnation}) has taken over the run in ${this.#dir} from this one (number ${this.own.incarnation}): this one stops and writes nothing more.`,
      );
    }
  }

  /** The same files, but nothing appears or disappears under its final name once the folder was taken over. */
  guard(fs: FileSystem): FileSystem {
    return {
      makeDirectory: (path) => fs.makeDirectory(path),
      writeDurably: (path, bytes) => fs.writeDurably(path, bytes),
      syncDirectory: (path) => fs.syncDirectory(path),
      read: (path) => fs.read(path),
      list: (path) => fs.list(path),
      rename: async (from, to) => {
        await this.check();
        await fs.rename(from, to);
      },
      remove: async (path) => {
        await this.check();
        await fs.remove(path);
      },
    };
  }
}

async function read(dir: string, fs: FileSystem): Promise<Incarnation | undefined> {
  if (!(await fs.list(dir)).includes(fenceName)) return undefined;
  const path = join(dir, fenceName);
  try {
    const { run, incarnation } = JSON.parse(new TextDecoder().decode(await fs.read(path))) as Incarnation;
    if (typeof run === 'string' && Number.isInteger(incarnation) && incarnation > 0) return { run, incarnation };
  } catch {
    // As below.
  }
  throw new FormatError(`${path} is damaged: remove it if no other coordinator is working in this folder.`);
}

async function write(dir: string, fs: FileSystem, own: Incarnation): Promise<void> {
  const path = join(dir, fenceName);
  const temporary = join(dir, `.tmp-${own.incarnation}-${fenceName}`);
  await fs.writeDurably(temporary, new TextEncoder().encode(`${JSON.stringify(own)}\n`));
  await fs.rename(temporary, path);
  await fs.syncDirectory(dir);
}
