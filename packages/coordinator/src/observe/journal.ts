import { createWriteStream, type WriteStream } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
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

/** Lines by step; one torn by a crash, at the end, is left out. */
export async function readJournal(dir: string): Promise<Map<number, string>> {
  let text: string;
  try {
    text = await readFile(join(dir, journalName), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map();
    throw error;
  }
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  return new Map(
    whole
      .split('\n')
      .filter(Boolean)
      .map((line) => [Number.parseInt(line, 10), line]),
  );
}

/** One line per step, appended. A step that is computed again after a resume must give the line that is already there. */
export class Journal {
  readonly #file: WriteStream;
  readonly #known: ReadonlyMap<number, string>;
  #failure: Error | undefined;

  private constructor(file: WriteStream, known: ReadonlyMap<number, string>) {
    this.#file = file;
    this.#known = known;
    file.on('error', (error) => {
      this.#failure = error;
    });
  }

  /** @param options resumeAt - finished steps of the checkpoint that the run goes on from; 0 starts a new journal */
  static async open(dir: string, options: { resumeAt: number }): Promise<Journal> {
    await mkdir(dir, { recursive: true });
    const path = join(dir, journalName);
    const known = options.resumeAt > 0 ? await readJournal(dir) : new Map<number, string>();
    // Written anew without a torn end.
    await writeFile(path, [...known.values()].map((line) => `${line}\n`).join(''));
    return new Journal(createWriteStream(path, { flags: 'a' }), known);
  }

  append(line: JournalLine): void {
    if (this.#failure) throw new LockstepError(`The journal cannot be written: ${this.#failure.message}.`);
    const text = formatLine(line);
    const before = this.#known.get(line.step);
    if (before === undefined) {
      this.#file.write(`${text}\n`);
      return;
    }
    if (before !== text) {
      throw new LockstepError(
        `Step ${line.step} gave other bits than before the resume ("${text}" instead of "${before}"): data, code or hardware changed; start a new run.`,
      );
    }
  }

  async flush(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#file.write('', (error) => (error ? reject(error) : resolve()));
    });
  }

  async close(): Promise<void> {
    if (this.#file.closed) return;
    this.#file.end();
    await finished(this.#file).catch(() => undefined);
  }
}
