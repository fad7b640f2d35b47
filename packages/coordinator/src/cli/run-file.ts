import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { UsageError } from '@lockstep/core';
import type { TraceOverrides } from '@lockstep/core/internal';
import type { Reduction } from '@lockstep/worker';
import { nodeFileSystem } from '../storage/file-system.ts';
import { replaceFile } from '../storage/replace-file.ts';
import { isUpdates, type Updates } from './updates.ts';

const runFileName = 'run.json';

/** Which job a run's folder belongs to, for commands that need the job again. */
export interface RunFile {
  readonly job: string;
  readonly name: string;
  /** What the command line set: `--resume` goes on with it, `eval` evaluates with it. */
  readonly overrides: TraceOverrides;
  /** Where it is not f32. */
  readonly reduce?: Reduction;
  /** How updates are made, where it is not mode sync: `--resume` goes on so. */
  readonly updates?: Updates;
}

/** The card of a run, from its folder or one of its checkpoints. @throws UsageError where there is none */
export async function readRunFile(path: string): Promise<RunFile> {
  for (const dir of [path, dirname(path)]) {
    const file = await findRunFile(dir);
    if (file) return file;
  }
  throw new UsageError(`${path} is not the folder of a run: it has no ${runFileName}.`);
}

/** The card in a folder; undefined where there is none. @throws UsageError where it is damaged */
export async function findRunFile(dir: string): Promise<RunFile | undefined> {
  const path = join(dir, runFileName);
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    const file = JSON.parse(text) as RunFile;
    const { job, overrides, updates } = file;
    const whole = typeof job === 'string' && typeof overrides === 'object' && overrides !== null;
    if (whole && (updates === undefined || isUpdates(updates))) return file;
  } catch {
    // said below
  }
  throw new UsageError(
    `${path} is damaged: it should name the job file ("job"), its options ("overrides") and, but for mode sync, how updates are made ("updates").`,
  );
}

export async function writeRunFile(dir: string, file: RunFile): Promise<void> {
  await nodeFileSystem.makeDirectory(dir);
  const bytes = new TextEncoder().encode(`${JSON.stringify(file, null, 2)}\n`);
  await replaceFile(nodeFileSystem, join(dir, runFileName), bytes);
}
