import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { LockstepError } from '@lockstep/core';
import type { FileSystem } from './file-system.ts';

const pattern = /^coordinator-(\d{6,})\.json$/;
const fileOf = (incarnation: number): string => `coordinator-${String(incarnation).padStart(6, '0')}.json`;

/** Whether a file of a run's folder only says who started there. */
export const isFenceFile = (name: string): boolean => pattern.test(name);

/** Another process has gone on with the run. */
export class SupersededError extends LockstepError {
  override readonly code = 'SUPERSEDED';
}

/**
 * Who may write to a run's folder: the process that started last. Each makes a file with its number there, which only one can: whoever
 * finds a higher number than its own was replaced, also where it was frozen for hours. The little that can pass between the look and the
 * change is harmless: lines and checkpoints of the same steps are the same bytes at the same places.
 */
export class Fence {
  /** Of this process. */
  readonly id = randomUUID();
  readonly #dir: string;
  readonly #fs: FileSystem;
  readonly #newRun: () => string;
  #run = '';
  #incarnation = 0;
  #replaced: SupersededError | undefined;
  #claiming: Promise<unknown> = Promise.resolve();

  /** @param newRun gives the name of a run that has none yet */
  constructor(dir: string, fs: FileSystem, newRun: () => string = () => randomBytes(8).toString('hex')) {
    this.#dir = dir;
    this.#fs = fs;
    this.#newRun = newRun;
  }

  /**
   * Takes the folder over, durably. Comes before any other change there, and after everything that may refuse the run.
   *
   * @throws LockstepError where the disk fails: nothing has been trained yet, so the run is refused
   */
  async raise(): Promise<void> {
    try {
      this.#run = (await this.#runBefore()) ?? this.#newRun();
      // Another one that starts in the same moment gets the next number.
      for (let next = (await this.#highest()) + 1; !(await this.#claim(next)); next++);
    } catch (error) {
      const { message } = error as Error;
      throw new LockstepError(
        `The folder ${this.#dir || '.'} cannot be written to (${message}): mend its disk or make room there, and start again.`,
        { cause: error },
      );
    }
  }

  /** Takes further numbers, where terms have overflowed into them. @throws SupersededError */
  async advance(incarnation: number): Promise<void> {
    await this.check();
    const claimed = this.#claim(incarnation);
    this.#claiming = claimed.catch(() => undefined);
    if (!(await claimed)) throw this.#superseded(incarnation);
  }

  /** A random name of the run, which all coordinators of its folder share; empty before `raise`. */
  get run(): string {
    return this.#run;
  }

  /** Counts the starts on this folder, from 1; 0 before `raise`. No two processes have the same. */
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
    const highest = await this.#highest();
    // It may be the number that this process is just taking.
    if (highest > this.#incarnation) await this.#claiming;
    // A file that was deleted is no other process.
    if (highest > this.#incarnation) throw this.#superseded(highest);
  }

  #superseded(by: number): SupersededError {
    this.#replaced = new SupersededError(
      `Another process has gone on with the run of ${this.#dir || '.'} (start ${by}, this one is ${this.#incarnation}): this one stops and writes nothing more.`,
    );
    return this.#replaced;
  }

  async #numbers(): Promise<number[]> {
    const names = await this.#fs.list(this.#dir);
    return names.flatMap((name) => pattern.exec(name)?.[1] ?? []).map(Number);
  }

  async #highest(): Promise<number> {
    return Math.max(0, ...(await this.#numbers()));
  }

  /** From the newest file that can be read: one that a power cut has torn only counts. */
  async #runBefore(): Promise<string | undefined> {
    for (const number of (await this.#numbers()).sort((a, b) => b - a)) {
      try {
        const text = new TextDecoder().decode(await this.#fs.read(join(this.#dir, fileOf(number))));
        const { run } = JSON.parse(text) as { run: unknown };
        if (typeof run === 'string' && run !== '') return run;
      } catch {
        // The one before it has the same name.
      }
    }
    return undefined;
  }

  /** False where the number is taken. */
  async #claim(incarnation: number): Promise<boolean> {
    const file = await this.#fs.create(join(this.#dir, fileOf(incarnation)));
    if (!file) return false;
    // At once: a look at the folder meanwhile must not take this for another process.
    this.#incarnation = incarnation;
    try {
      await file.write(new TextEncoder().encode(`${JSON.stringify({ run: this.#run, incarnation })}\n`), 0);
      await file.sync();
    } finally {
      await file.close();
    }
    await this.#fs.syncDirectory(this.#dir);
    // Two are kept: should the newest one be torn, the other one has the run's name.
    for (const number of await this.#numbers()) {
      if (number < incarnation - 1) await this.#fs.remove(join(this.#dir, fileOf(number)));
    }
    return true;
  }
}
