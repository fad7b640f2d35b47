import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { LockstepError, UsageError } from '@lockstep/core';
import { type FileSystem, isMissing } from './file-system.ts';
import { replaceFile } from './replace-file.ts';

export const coordinatorFile = 'coordinator.json';

/** Another process has gone on with the run. */
export class SupersededError extends LockstepError {
  override readonly code = 'SUPERSEDED';
}

interface Holder {
  /** The same for all processes that ever worked on the folder. */
  readonly run: string;
  readonly incarnation: number;
  /** Tells two apart that started at the same moment. */
  readonly id: string;
}

/**
 * Who may write to a run's folder: the process that started last. The others find out before their next change, also one that was
 * frozen for hours. The little that can pass between the look and the change is harmless: lines and checkpoints of the same steps are the
 * same bytes at the same places.
 */
export class Fence {
  /** Of this process. */
  readonly id = randomUUID();
  readonly #path: string;
  readonly #fs: FileSystem;
  readonly #newRun: () => string;
  #run = '';
  #incarnation = 0;
  #replaced: SupersededError | undefined;

  /** @param newRun gives the name of a run that has none yet */
  constructor(dir: string, fs: FileSystem, newRun: () => string = () => randomBytes(8).toString('hex')) {
    this.#path = join(dir, coordinatorFile);
    this.#fs = fs;
    this.#newRun = newRun;
  }

  /** Takes the folder over, durably. Comes before any other change there, and after everything that may refuse the run. */
  async raise(): Promise<void> {
    const before = await readHolder(this.#path, this.#fs);
    this.#run = before?.run ?? this.#newRun();
    await this.#write((before?.incarnation ?? 0) + 1);
  }

  /** Takes further numbers, where terms have overflowed into them. @throws SupersededError */
  async advance(incarnation: number): Promise<void> {
    await this.check();
    await this.#write(incarnation);
  }

  /** A random name of the run, which all coordinators of its folder share; empty before `raise`. */
  get run(): string {
    return this.#run;
  }

  /** Counts the starts on this folder, from 1; 0 before `raise`. */
  get incarnation(): number {
    return this.#incarnation;
  }

  /** Why this process must stop; undefined while it holds the folder, as far as it knows. */
  get replaced(): SupersededError | undefined {
    return this.#replaced;
  }

  /** @throws SupersededError once another process has taken the folder over */
  async check(): Promise<void> {
    if (this.#replaced) throw this.#replaced;
    const holder = await readHolder(this.#path, this.#fs);
    // A file that was deleted is no other process.
    if (!holder || holder.id === this.id || holder.incarnation < this.#incarnation) return;
    this.#replaced = new SupersededError(
      `Another process has gone on with the run of ${this.#path} (start ${holder.incarnation}, this one is ${this.#incarnation}): this one stops and writes nothing more.`,
    );
    throw this.#replaced;
  }

  async #write(incarnation: number): Promise<void> {
    const holder: Holder = { run: this.#run, incarnation, id: this.id };
    const bytes = new TextEncoder().encode(`${JSON.stringify(holder)}\n`);
    await replaceFile(this.#fs, this.#path, bytes, `${this.#path}.${this.id}.tmp`);
    this.#incarnation = incarnation;
  }
}

async function readHolder(path: string, fs: FileSystem): Promise<Holder | undefined> {
  let text: string;
  try {
    text = new TextDecoder().decode(await fs.read(path));
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  try {
    const { run, incarnation, id } = JSON.parse(text) as Holder;
    const named = typeof run === 'string' && typeof id === 'string';
    if (named && Number.isSafeInteger(incarnation) && incarnation > 0) return { run, incarnation, id };
  } catch {
    // said below
  }
  throw new UsageError(`${path} is damaged: make sure that no other process works on this run, and delete the file.`);
}
