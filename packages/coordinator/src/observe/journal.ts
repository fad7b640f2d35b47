import { constants, existsSync } from 'node:fs';
import { open, readFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { LockstepError } from '@lockstep/core';

export const journalName = 'journal.txt';

/** What is written down of a step. Two runs are the same exactly when their lines are. */
export interface JournalLine {
  readonly step: number;
  /** Name of the phase; empty where the job has a single one. */
  readonly phase: string;
  /** 128-bit hash of the parameters after the step, 32 hex digits. */
  readonly digest: string;
  readonly loss: number;
  readonly learningRates: readonly number[];
  readonly scalars: readonly number[];
  readonly skipped?: boolean;
}

/** Lines are written together: a write costs more than the shortest steps, and so long a crash may take them along. */
const gatherMs = 20;

const bits = new DataView(new ArrayBuffer(8));
const hex32 = (at: number): string => bits.getUint32(at).toString(16).padStart(8, '0');

/** The exact value as 16 hex digits. */
function hex(value: number): string {
  bits.setFloat64(0, value);
  return hex32(0) + hex32(4);
}

/** `step[.phase] digest loss-bits loss lr=... scalars=...`: for people and `diff`. */
export function formatLine({ step, phase, digest, loss, learningRates, scalars, skipped }: JournalLine): string {
  const rates = learningRates.map(hex).join(',');
  const values = scalars.length > 0 ? ` scalars=${scalars.map(hex).join(',')}` : '';
  return `${keyOf(step, phase)} ${digest} ${hex(loss)} ${loss.toPrecision(7)} lr=${rates}${values}${skipped ? ' skipped' : ''}`;
}

const keyOf = (step: number, phase: string): string => (phase ? `${step}.${phase}` : String(step));

/** The file without a last line torn by a crash; empty where there is none. */
async function wholeLines(path: string): Promise<Buffer> {
  try {
    const bytes = await readFile(path);
    return bytes.subarray(0, bytes.lastIndexOf(0x0a) + 1);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
}

const byKey = (text: string): Map<string, string> =>
  new Map(
    text
      .split('\n')
      .filter(Boolean)
      .map((line) => [line.slice(0, line.indexOf(' ')), line]),
  );

/** Lines by `step` or `step.phase`; one torn by a crash, at the end, is left out. */
export async function readJournal(dir: string): Promise<Map<string, string>> {
  return byKey((await wholeLines(join(dir, journalName))).toString());
}

/** The file a journal writes to, passed in so that tests can let it fail. */
export interface JournalFile {
  /** Writes all of it from `position` on. */
  write(bytes: Uint8Array, position: number): Promise<void>;
  close(): Promise<void>;
}

async function openJournalFile(path: string): Promise<JournalFile> {
  // Not for appending: after a failed write the same bytes are written again to the same place.
  const file = await open(path, constants.O_WRONLY | constants.O_CREAT);
  return {
    async write(bytes, position) {
      for (let done = 0; done < bytes.length; ) {
        done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
      }
    },
    close: () => file.close(),
  };
}

export interface JournalOptions {
  /** Told, once for each time that it begins to fail, why lines cannot be written. */
  readonly alarm?: (message: string) => void;
  readonly openFile?: (path: string) => Promise<JournalFile>;
}

/**
 * One line per step. A step that is computed again after a resume must give the line that is already there; lines are never
 * rewritten. A full disk does not end the run: lines wait and are tried again with the next one. The file appears with the first
 * line: a run that fails before its first step leaves none.
 */
export class Journal {
  readonly #path: string;
  readonly #known: ReadonlyMap<string, string>;
  readonly #alarm: (message: string) => void;
  readonly #openFile: (path: string) => Promise<JournalFile>;
  /** Bytes of whole lines that are in the file for sure. */
  #length: number;
  #waiting: string[] = [];
  #writing: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #file: JournalFile | undefined;
  #failing = false;

  private constructor(path: string, known: Buffer, { alarm, openFile }: JournalOptions) {
    this.#path = path;
    this.#known = byKey(known.toString());
    this.#length = known.length;
    this.#alarm = alarm ?? (() => undefined);
    this.#openFile = openFile ?? openJournalFile;
  }

  /** @param dir folder of the run; what its journal holds already is kept, and compared with */
  static async open(dir: string, options: JournalOptions = {}): Promise<Journal> {
    const path = join(dir, journalName);
    const known = await wholeLines(path);
    // Only a torn end goes: writing the file anew could lose all of it to a crash in between.
    if (existsSync(path)) await truncate(path, known.length);
    return new Journal(path, known, options);
  }

  /**
   * Writes in the background, soon.
   *
   * @throws LockstepError where the step gave another line before the resume
   */
  append(line: JournalLine): void {
    const text = formatLine(line);
    const before = this.#known.get(keyOf(line.step, line.phase));
    if (before === undefined) {
      this.#waiting.push(`${text}\n`);
      this.#timer ??= setTimeout(() => this.#start(), gatherMs);
    } else if (before !== text) {
      throw new LockstepError(
        `Step ${line.step} gave other bits than before the resume ("${text}" instead of "${before}"): data, code or hardware changed; start a new run.`,
      );
    }
  }

  /** Resolves once every line is in the file, or the alarm was raised. */
  async flush(): Promise<void> {
    await this.#writing;
    if (this.#waiting.length > 0) await this.#start();
  }

  async close(): Promise<void> {
    await this.flush();
    clearTimeout(this.#timer);
    await this.#file?.close().catch(() => undefined);
    this.#file = undefined;
  }

  #start(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing ??= this.#write();
    return this.#writing;
  }

  /** Everything that waits, and what comes in meanwhile, in as few writes as the disk allows. Never rejects. */
  async #write(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        const lines = this.#waiting.slice();
        const bytes = Buffer.from(lines.join(''));
        this.#file ??= await this.#openFile(this.#path);
        await this.#file.write(bytes, this.#length);
        this.#length += bytes.length;
        this.#waiting = this.#waiting.slice(lines.length);
        this.#failing = false;
      }
    } catch (error) {
      if (!this.#failing) {
        this.#alarm(
          `The journal ${this.#path} cannot be written (${(error as Error).message}); training goes on, its lines are tried again.`,
        );
      }
      this.#failing = true;
    }
    this.#writing = undefined;
  }
}
