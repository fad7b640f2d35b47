import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { FormatError, UsageError } from '@lockstep/core';
import type { TrainingState } from '@lockstep/worker/local';
import { type FileSystem, nodeFileSystem, writeDurably } from '../storage/file-system.ts';
import { decodeCheckpoint, encodeCheckpoint, files, type Manifest, type ModelDescription } from './encode.ts';
import type { RunIdentity, Strategy } from './state.ts';

const prefix = 'step-';
const temporaryPrefix = '.tmp-';
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
  /** Of no other process: one that was replaced may still be writing. */
  readonly #temporaryPrefix: string;
  /** Names of checkpoints that did not verify: they do not count among the last ones, and stay as evidence. */
  readonly #damaged = new Set<string>();
  #best: { step: number; loss: number } | undefined;

  /** @param writer a name that no other process has */
  constructor(
    dir: string,
    identity: RunIdentity,
    model: ModelDescription,
    keep: { last: number; best: boolean },
    fs: FileSystem = nodeFileSystem,
    writer = 'writer',
  ) {
    this.#dir = dir;
    this.#temporaryPrefix = `${temporaryPrefix}${writer}-`;
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
    const { digest, contents } = encodeCheckpoint(state, this.#identity, this.#model, evalLoss);
    const name = checkpointName(state.step);
    const path = join(this.#dir, name);
    const found = (await names(this.#dir, this.#fs)).includes(name);
    if (!found || !(await this.#holds(name, digest))) await this.#write(name, contents, found);
    this.#damaged.delete(name);
    if (evalLoss !== undefined && evalLoss < (this.#best?.loss ?? Number.POSITIVE_INFINITY)) {
      this.#best = { step: state.step, loss: evalLoss };
    }
    // What cannot be removed now is tried again after the next one; this one is safe either way.
    await this.#prune().catch(() => undefined);
    return { path, digest };
  }

  /** A run that is resumed comes by its checkpoint again. Replacing it would need a moment without either. */
  async #holds(name: string, digest: string): Promise<boolean> {
    try {
      const { manifest } = await loadCheckpoint(join(this.#dir, name), this.#fs);
      return manifest.digest === digest && differingPart(manifest.identity, this.#identity) === undefined;
    } catch {
      return false;
    }
  }

  /** @param replaced one with this name is there, and damaged */
  async #write(name: string, contents: ReadonlyMap<string, readonly Uint8Array[]>, replaced: boolean): Promise<void> {
    const path = join(this.#dir, name);
    const temporary = join(this.#dir, this.#temporaryPrefix + name);
    try {
      await this.#fs.remove(temporary);
      await this.#fs.makeDirectory(temporary);
      for (const [file, pieces] of contents) await writeDurably(this.#fs, join(temporary, file), ...pieces);
      await this.#fs.syncDirectory(temporary);
      // Where none was seen none is removed: it would be that of a process that went on while this one was frozen.
      if (replaced) await this.#fs.remove(path);
      await this.#fs.rename(temporary, path);
      await this.#fs.syncDirectory(this.#dir);
    } catch (error) {
      await this.#fs.remove(temporary).catch(() => undefined);
      throw error;
    }
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
        `${loaded.path} is a checkpoint of another run (its ${difference}): resume with the job, data, seed, shards, --reduce and --mode it was made with, or choose another --out.`,
      );
    }
    for (const { path } of loaded.rejected) this.#damaged.add(basename(path));
    await this.#rememberBest();
    return loaded;
  }

  /** Names of checkpoints that are not known to be damaged, oldest first. */
  async #whole(): Promise<string[]> {
    return (await names(this.#dir, this.#fs)).filter((name) => !this.#damaged.has(name));
  }

  async #rememberBest(): Promise<void> {
    for (const name of await this.#whole()) {
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

  /** Keeps the last ones and the best; removes what a crash left half-written. */
  async #prune(): Promise<void> {
    for (const name of await this.#fs.list(this.#dir)) {
      if (name.startsWith(temporaryPrefix)) await this.#fs.remove(join(this.#dir, name));
    }
    const all = await this.#whole();
    for (const name of all.slice(0, Math.max(0, all.length - Math.max(1, this.#keep.last)))) {
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
  const found = (await names(dir, fs)).reverse();
  const rejected: { path: string; reason: string }[] = [];
  for (const name of found) {
    const path = join(dir, name);
    try {
      const loaded = await loadCheckpoint(path, fs);
      if (loaded.state.step !== stepOf(name)) throw new FormatError(`${path} holds step ${loaded.state.step}.`);
      return { ...loaded, rejected };
    } catch (error) {
      rejected.push({ path, reason: (error as Error).message });
    }
  }
  if (rejected.length === 0) return null;
  // A process that still works on the run has made newer ones and removed these meanwhile.
  if ((await names(dir, fs)).reverse().join() !== found.join()) return loadNewest(dir, fs);
  throw new FormatError(
    `None of the ${rejected.length} checkpoints in ${dir} can be used (newest: ${rejected[0]?.reason}); nothing was changed.`,
  );
}

/** A checkpoint, or the newest one of a run that verifies. @throws UsageError where the path is neither, FormatError where it is damaged */
export async function openCheckpoint(path: string): Promise<LoadedCheckpoint> {
  const entries = await readdir(path).catch(() => {
    throw new UsageError(`${path} is not a folder: give a run or one of its checkpoints.`);
  });
  if (entries.includes(files.manifest)) return { ...(await loadCheckpoint(path)), rejected: [] };
  const newest = await loadNewest(path);
  if (!newest) throw new UsageError(`${path} holds no checkpoint: give a run or one of its checkpoints.`);
  return newest;
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
  for (const key of ['name', 'numericsVersion', 'seed', 'batch', 'reduce', 'dataDigest', 'program'] as const) {
    if (text(theirs?.[key]) === text(ours[key])) continue;
    if (key === 'program') return differingOption(theirs, ours) ?? 'model, loss or optimizer differs';
    if (key === 'dataDigest') return 'data differs';
    return `${key} is ${text(theirs?.[key])}, not ${text(ours[key])}`;
  }
  return undefined;
}

/** Of how updates are made. */
function differingOption(...identities: readonly [RunIdentity, RunIdentity]): string | undefined {
  const [theirs, ours] = identities.map(({ strategy }) => strategy ?? { mode: 'sync' }) as [Strategy, Strategy];
  const name = Object.keys({ ...theirs, ...ours }).find((key) => theirs[key] !== ours[key]);
  const text = (value: string | number | undefined) => (value === undefined || value === '' ? 'none' : value);
  return name && `--${name} is ${text(theirs[name])}, not ${text(ours[name])}`;
}
