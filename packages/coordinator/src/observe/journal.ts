import { type FileHandle, open, readFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { LockstepError } from '@lockstep/core';

export const journalName = 'journal.txt';

/** What is written down of a step. Two runs are the same exactly when their lines are. */
export interface JournalLine {
  readonly step: number;
  /** 128-bit hash of the parameters after the step, 32 hex digits. */
  readonly digest: string;
  readonly loss: number;
  readonly learningRates: readonly number[];
  readonly scalars: readonly number[];
  readonly skipped?: boolean;
}

const bits = new DataView(new ArrayBuffer(8));

/** The exact value as 16 hex digits. */
function hex(value: number): string {
  bits.setFloat64(0, value);
  return bits.getBigUint64(0).toString(16).padStart(16, '0');
}

/** `step digest loss-bits loss lr=... scalars=...`: for people and `diff`. */
export function formatLine({ step, digest, loss, learningRates, scalars, skipped }: JournalLine): string {
  const rates = learningRates.map(hex).join(',');
  const values = scalars.length > 0 ? ` scalars=${scalars.map(hex).join(',')}` : '';
  return `${step} ${digest} ${hex(loss)} ${loss.toPrecision(7)} lr=${rates}${values}${skipped ? ' skipped' : ''}`;
}

/** The file's text without a last line torn by a crash; empty where there is none. */
async function wholeLines(path: string): Promise<string> {
  try {
    const text = await readFile(path, 'utf8');
    return text.slice(0, text.lastIndexOf('\n') + 1);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

const byStep = (text: string): Map<number, string> =>
  new Map(
    text
      .split('\n')
      .filter(Boolean)
      .map((line) => [Number.parseInt(line, 10), line]),
  );

/** Lines by step; one torn by a crash, at the end, is left out. */
export async function readJournal(dir: string): Promise<Map<number, string>> {
  return byStep(await wholeLines(join(dir, journalName)));
}

/**
 * One line per step, appended. A step that is computed again after a resume must give the line that is already there; lines are
 * never rewritten. The file appears with the first line: a run that fails before its first step leaves none.
 */
export class Journal {
  readonly #path: string;
  readonly #known: ReadonlyMap<number, string>;
  #waiting: string[] = [];
  #writing: Promise<void> | undefined;
  #file: FileHandle | undefined;
  #failure: Error | undefined;

  private constructor(path: string, known: ReadonlyMap<number, string>) {
    this.#path = path;
    this.#known = known;
  }

  /** @param dir folder of the run; what its journal holds already is kept and compared with */
  static async open(dir: string): Promise<Journal> {
    const path = join(dir, journalName);
    const text = await wholeLines(path);
    // Only the torn end goes: writing the file anew would lose it to a crash in between.
    if (text !== '') await truncate(path, Buffer.byteLength(text));
    return new Journal(path, byStep(text));
  }

  /**
   * Writes in the background.
   *
   * @throws LockstepError where the step gave another line before the resume, or the file cannot be written
   */
  append(line: JournalLine): void {
    this.#throwFailure();
    const text = formatLine(line);
    const before = this.#known.get(line.step);
    if (before === undefined) {
      this.#waiting.push(`${text}\n`);
      this.#writing ??= this.#write();
    } else if (before !== text) {
      throw new LockstepError(
        `Step ${line.step} gave other bits than before the resume ("${text}" instead of "${before}"): data, code or hardware changed; start a new run.`,
      );
    }
  }

  /** Resolves once every line is in the file. */
  async flush(): Promise<void> {
    await this.#writing;
    this.#throwFailure();
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.#file?.close();
    this.#file = undefined;
  }

  /** Everything that waits, and what comes in meanwhile, in as few writes as the disk allows. Never rejects. */
  async #write(): Promise<void> {
    try {
      this.#file ??= await open(this.#path, 'a');
      while (this.#waiting.length > 0) {
        const lines = this.#waiting;
        this.#waiting = [];
        await this.#file.appendFile(lines.join(''));
      }
    } catch (error) {
      this.#failure = error as Error;
    }
    this.#writing = undefined;
  }

  #throwFailure(): void {
    if (this.#failure) {
      throw new LockstepError(`The journal ${this.#path} cannot be written: ${this.#failure.message}.`, {
        cause: this.#failure,
      });
    }
  }
}
