import { join } from 'node:path';
import { FormatError, UsageError } from '@lockstep/core';
import { decodeCheckpoint, encodeCheckpoint, files, type Manifest, type ModelDescription } from './encode.ts';
import { type FileSystem, nodeFileSystem } from './file-system.ts';
import type { RunIdentity, TrainingState } from './state.ts';

const prefix = 'step-';
const checkpointName = (step: number): string => `${prefix}${String(step).padStart(9, '0')}`;

export interface LoadedCheckpoint {
  readonly state: TrainingState;
  readonly manifest: Manifest;
  readonly model: ModelDescription;
  readonly path: string;
  /** Newer ones that did not verify. */
  readonly rejected: readonly { readonly path: string; readonly reason: string }[];
}

/** Checkpoints of a run in its folder, one directory each. A directory with its final name is whole. */
export class CheckpointStore {
  readonly #dir: string;
  readonly #identity: RunIdentity;
  readonly #model: ModelDescription;
  readonly #keep: { last: number; best: boolean };
  readonly #fs: FileSystem;
  #best: { step: number; loss: number } | undefined;

  constructor(
    dir: string,
    identity: RunIdentity,
    model: ModelDescription,
    keep: { last: number; best: boolean },
    fs: FileSystem = nodeFileSystem,
  ) {
    this.#dir = dir;
    this.#identity = identity;
    this.#model = model;
    this.#keep = keep;
    this.#fs = fs;
  }

  /**
   * Writes to a temporary directory, forces it to disk, and renames it: the last good checkpoint is not touched before the new one is
   * whole.
   */
  async save(state: TrainingState, evalLoss?: number): Promise<{ path: string; digest: string }> {
    const contents = encodeCheckpoint(state, this.#identity, this.#model, evalLoss);
    const path = join(this.#dir, checkpointName(state.step));
    const temporary = join(this.#dir, `.tmp-${checkpointName(state.step)}`);
    try {
      await this.#fs.remove(temporary);
      await this.#fs.makeDirectory(temporary);
      for (const [name, bytes] of contents) await this.#fs.writeDurably(join(temporary, name), [bytes]);
      await this.#fs.syncDirectory(temporary);
      await this.#fs.remove(path);
      await this.#fs.rename(temporary, path);
      await this.#fs.syncDirectory(this.#dir);
    } catch (error) {
      await this.#fs.remove(temporary).catch(() => undefined);
      throw error;
    }
    if (evalLoss !== undefined && evalLoss < (this.#best?.loss ?? Number.POSITIVE_INFINITY)) {
      this.#best = { step: state.step, loss: evalLoss };
    }
    await this.#prune();
    const manifest = JSON.parse(new TextDecoder().decode(contents.get(files.manifest))) as Manifest;
    return { path, digest: manifest.digest };
  }

  /**
   * The newest checkpoint that verifies, null where there is none.
   *
   * @throws UsageError where it is of another run: nothing is overwritten
   */
  async loadNewest(): Promise<LoadedCheckpoint | null> {
    const loaded = await loadNewest(this.#dir, this.#fs);
    if (!loaded) return null;
    const difference = differingPart(loaded.manifest.identity, this.#identity);
    if (difference) {
      throw new UsageError(
        `${loaded.path} is a checkpoint of another run (its ${difference}): resume with the job, data, seed and shards it was made with, or choose another --out.`,
      );
    }
    await this.#rememberBest();
    return loaded;
  }

  async #rememberBest(): Promise<void> {
    for (const name of await names(this.#dir, this.#fs)) {
      const loss = await this.#evalLossOf(name);
      if (loss !== null && loss < (this.#best?.loss ?? Number.POSITIVE_INFINITY))
        this.#best = { step: stepOf(name), loss };
    }
  }

  async #evalLossOf(name: string): Promise<number | null> {
    try {
      const bytes = await this.#fs.read(join(this.#dir, name, files.manifest));
      return (JSON.parse(new TextDecoder().decode(bytes)) as Manifest).evalLoss;
    } catch {
      return null;
    }
  }

  /** Keeps the last ones and the best. */
  async #prune(): Promise<void> {
    const all = await names(this.#dir, this.#fs);
    for (const name of all.slice(0, Math.max(0, all.length - this.#keep.last))) {
      if (this.#keep.best && this.#best?.step === stepOf(name)) continue;
      await this.#fs.remove(join(this.#dir, name));
    }
  }
}

const stepOf = (name: string): number => Number.parseInt(name.slice(prefix.length), 10);

/** Checkpoints in a run's folder, oldest first. */
async function names(dir: string, fs: FileSystem): Promise<string[]> {
  const pattern = new RegExp(`^${prefix}\\d{9,}$`);
  return (await fs.list(dir)).filter((name) => pattern.test(name)).sort((a, b) => stepOf(a) - stepOf(b));
}

/** The newest checkpoint of a folder that verifies, whatever run it is of. @throws FormatError where all are damaged */
export async function loadNewest(dir: string, fs: FileSystem = nodeFileSystem): Promise<LoadedCheckpoint | null> {
  const rejected: { path: string; reason: string }[] = [];
  for (const name of (await names(dir, fs)).reverse()) {
    const path = join(dir, name);
    try {
      return { ...(await loadCheckpoint(path, fs)), rejected };
    } catch (error) {
      rejected.push({ path, reason: (error as Error).message });
    }
  }
  if (rejected.length > 0) {
    throw new FormatError(
      `None of the ${rejected.length} checkpoints in ${dir} can be used (newest: ${rejected[0]?.reason}); nothing was changed.`,
    );
  }
  return null;
}

/** One checkpoint directory. @throws FormatError where it is not whole */
export async function loadCheckpoint(
  path: string,
  fs: FileSystem = nodeFileSystem,
): Promise<Omit<LoadedCheckpoint, 'rejected'>> {
  const contents = new Map<string, Uint8Array>();
  for (const name of Object.values(files)) {
    try {
      contents.set(name, await fs.read(join(path, name)));
    } catch (error) {
      if (name === files.manifest)
        throw new FormatError(
          `${path} is not a checkpoint: ${name} cannot be read (${(error as NodeJS.ErrnoException).code}).`,
        );
    }
  }
  return { ...decodeCheckpoint(contents, path), path };
}

/** The first thing in which two runs differ, in words. */
function differingPart(theirs: RunIdentity, ours: RunIdentity): string | undefined {
  const text = (value: unknown) => (typeof value === 'object' ? JSON.stringify(value) : String(value));
  for (const key of ['name', 'numericsVersion', 'seed', 'batch', 'dataDigest', 'program'] as const) {
    if (text(theirs?.[key]) === text(ours[key])) continue;
    if (key === 'program') return 'model, loss or optimizer differs';
    if (key === 'dataDigest') return 'data differs';
    return `${key} is ${text(theirs?.[key])}, not ${text(ours[key])}`;
  }
  return undefined;
}
