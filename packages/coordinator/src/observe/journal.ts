import { join } from 'node:path';
import { LockstepError } from '@lockstep/core';
import { SupersededError } from '../storage/fence.ts';
import { type FileSystem, isMissing, nodeFileSystem, type WritableFile } from '../storage/file-system.ts';
import { linesUpTo, wholeLines } from './whole-lines.ts';

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
  /** Where updates are applied as they come: the batch that it is made of, counted from 1, and how many updates its parameters missed. */
  readonly arrival?: Arrival;
  readonly skipped?: boolean;
}

export interface Arrival {
  readonly batch: number;
  readonly staleness: number;
}

/** Lines are written together: a write, with the look at the fence before it, costs a tenth of a millisecond of the engine's thread. A crash may take so much along. */
const gatherMs = 100;

const bits = new DataView(new ArrayBuffer(8));

/** The exact value as 16 hex digits. */
function hex(value: number): string {
  bits.setFloat64(0, value);
  return bits.getBigUint64(0).toString(16).padStart(16, '0');
}

/** `step[.phase] digest loss-bits loss lr=... scalars=... batch=... stale=...`: for people and `diff`. */
export function formatLine(line: JournalLine): string {
  const { step, phase, digest, loss, learningRates, scalars, arrival, skipped } = line;
  const rates = learningRates.map(hex).join(',');
  const values = scalars.length > 0 ? ` scalars=${scalars.map(hex).join(',')}` : '';
  const came = arrival ? ` batch=${arrival.batch} stale=${arrival.staleness}` : '';
  return `${keyOf(step, phase)} ${digest} ${hex(loss)} ${loss.toPrecision(7)} lr=${rates}${values}${came}${skipped ? ' skipped' : ''}`;
}

const keyOf = (step: number, phase: string): string => (phase ? `${step}.${phase}` : String(step));

async function contents(path: string, fs: FileSystem): Promise<Buffer> {
  try {
    return Buffer.from(await fs.read(path));
  } catch (error) {
    if (isMissing(error)) return Buffer.alloc(0);
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
export async function readJournal(dir: string, fs: FileSystem = nodeFileSystem): Promise<Map<string, string>> {
  return byKey(wholeLines(await contents(join(dir, journalName), fs)).toString());
}

export interface JournalOptions {
  /** Told, once for each time that it begins to fail, why lines cannot be written. */
  readonly alarm?: (message: string) => void;
  readonly fs?: FileSystem;
  /** Steps of the checkpoint that the run goes on from: what a power cut did to lines after it is cut off. Default: the file is whole. */
  readonly fromStep?: number;
  /** Steps after `fromStep` come out otherwise when they are computed again: their lines go. */
  readonly forgetful?: boolean;
}

/** Who waits for the lines so far. */
interface Visitor {
  readonly durable: boolean;
  /** @param why they are not where they were to be, where they are not */
  readonly done: (why?: Error) => void;
}

/** So many bytes may be in the file and not on disk: they are kept, as a sync that fails may lose them. */
const maxUnsyncedBytes = 2 ** 20;

/**
 * One line per step. A step that is computed again after a resume must give the line that is already there; lines are never
 * rewritten. A full disk does not end the run: lines wait and are tried again with the next one. The file appears with the first
 * line: a run that fails before its first step leaves none.
 */
export class Journal {
  readonly #dir: string;
  readonly #path: string;
  readonly #known: ReadonlyMap<string, string>;
  readonly #alarm: (message: string) => void;
  readonly #fs: FileSystem;
  /** Bytes of whole lines that are in the file for sure, and how many of them are on disk for sure. */
  #length: number;
  #synced: number;
  /** What lies between the two. */
  #unsynced: Buffer[] = [];
  /** Lines that may come again: a cluster that has lost its state goes back to the last copy of it. */
  readonly #replayable = new Map<string, string>();
  #remembers = false;
  #waiting: string[] = [];
  #visitors: Visitor[] = [];
  #writing: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #file: WritableFile | undefined;
  #entrySynced: boolean;
  #failing = false;

  private constructor(dir: string, known: Buffer, { alarm, fs }: JournalOptions) {
    this.#dir = dir;
    this.#path = join(dir, journalName);
    this.#known = byKey(known.toString());
    this.#length = known.length;
    this.#synced = known.length;
    this.#entrySynced = known.length > 0;
    this.#alarm = alarm ?? (() => undefined);
    this.#fs = fs ?? nodeFileSystem;
  }

  /** @param dir folder of the run; what its journal holds already is kept, and compared with */
  static async open(dir: string, options: JournalOptions = {}): Promise<Journal> {
    const { fs = nodeFileSystem, fromStep = Number.POSITIVE_INFINITY, forgetful = false } = options;
    const path = join(dir, journalName);
    const found = await contents(path, fs);
    const whole = wholeLines(found, fromStep);
    const known = forgetful ? linesUpTo(whole, fromStep) : whole;
    if (known.length < found.length) {
      // Only the end goes: writing the file anew could lose all of it to a crash in between.
      const file = await fs.open(path);
      await file.truncate(known.length).finally(() => file.close());
    }
    return new Journal(dir, known, options);
  }

  /**
   * Writes in the background, soon.
   *
   * @throws LockstepError where the step gave another line before the resume
   */
  append(line: JournalLine): void {
    const text = formatLine(line);
    const key = keyOf(line.step, line.phase);
    const before = this.#known.get(key) ?? this.#replayable.get(key);
    if (before === undefined) {
      if (this.#remembers) this.#replayable.set(key, text);
      this.#waiting.push(`${text}\n`);
      this.#timer ??= setTimeout(() => this.#start(), gatherMs);
    } else if (before !== text) {
      throw new LockstepError(
        `Step ${line.step} gave other bits than before the resume ("${text}" instead of "${before}"): data, code or hardware changed; start a new run.`,
      );
    }
  }

  /** From here on every line may come again, until this is called the next time. */
  remember(): void {
    this.#remembers = true;
    this.#replayable.clear();
  }

  /** Resolves once every line is in the file, or the alarm was raised. */
  async flush(): Promise<void> {
    await this.#visit({ durable: false });
  }

  /** Resolves once every line is on disk, or the alarm was raised: with what went wrong. */
  sync(): Promise<Error | undefined> {
    return this.#visit({ durable: true });
  }

  async close(): Promise<void> {
    await this.flush();
    clearTimeout(this.#timer);
    await this.#abandon();
  }

  /** Lines that come in meanwhile are not waited for: there may be no end of them. */
  #visit({ durable }: { durable: boolean }): Promise<Error | undefined> {
    return new Promise((done) => {
      this.#visitors.push({ durable, done });
      this.#start();
    });
  }

  #start(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing ??= this.#write();
  }

  /**
   * Everything that waits, and what comes in meanwhile, in as few writes as the disk allows. Never rejects: what fails is an alarm, and is
   * tried again with the next line.
   */
  async #write(): Promise<void> {
    let visitors: Visitor[] = [];
    // Where there is nothing to write it must not be over before it is known to be under way.
    await undefined;
    try {
      while (this.#waiting.length > 0 || this.#visitors.length > 0) {
        visitors = this.#visitors;
        this.#visitors = [];
        if (this.#waiting.length > 0) await this.#writeLines(this.#waiting.slice());
        const much = this.#length - this.#synced > maxUnsyncedBytes;
        if (much || visitors.some(({ durable }) => durable)) await this.#force();
        for (const { done } of visitors) done();
      }
    } catch (error) {
      // That the process was replaced is said by whoever looks at the fence.
      if (!this.#failing && !(error instanceof SupersededError)) {
        this.#alarm(
          `The journal ${this.#path} cannot be written (${(error as Error).message}); training goes on, its lines are tried again.`,
        );
      }
      this.#failing = true;
      for (const { done } of [...visitors, ...this.#visitors]) done(error as Error);
      this.#visitors = [];
    }
    this.#writing = undefined;
  }

  async #writeLines(lines: readonly string[]): Promise<void> {
    const bytes = Buffer.from(lines.join(''));
    const file = await this.#opened();
    await file.write(bytes, this.#length);
    this.#length += bytes.length;
    this.#unsynced.push(bytes);
    this.#waiting = this.#waiting.slice(lines.length);
    this.#failing = false;
  }

  async #force(): Promise<void> {
    if (this.#length === this.#synced) return;
    try {
      await (await this.#opened()).sync();
      if (!this.#entrySynced) await this.#fs.syncDirectory(this.#dir);
    } catch (error) {
      // The system may have dropped what it could not write and call the next sync a success: all of it is written again, to a file opened anew.
      await this.#abandon();
      throw error;
    }
    this.#entrySynced = true;
    this.#synced = this.#length;
    this.#unsynced = [];
    this.#failing = false;
  }

  /** The file, with everything in it that may have been lost. */
  async #opened(): Promise<WritableFile> {
    if (this.#file) return this.#file;
    const file = await this.#fs.open(this.#path);
    try {
      if (this.#unsynced.length > 0) await file.write(Buffer.concat(this.#unsynced), this.#synced);
    } catch (error) {
      await file.close().catch(() => undefined);
      throw error;
    }
    this.#file = file;
    return file;
  }

  async #abandon(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close().catch(() => undefined);
  }
}
