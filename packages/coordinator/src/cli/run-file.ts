import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { UsageError } from '@lockstep/core';
import type { TraceOverrides } from '@lockstep/core/internal';

export const runFileName = 'run.json';

/** Which job a run's folder belongs to, for commands that need the job again. */
export interface RunFile {
  readonly job: string;
  readonly name: string;
  readonly overrides: TraceOverrides;
}

/** The card of a run, from its folder or one of its checkpoints. @throws UsageError where there is none */
export async function readRunFile(path: string): Promise<RunFile> {
  for (const dir of [path, dirname(path)]) {
    try {
      return JSON.parse(await readFile(join(dir, runFileName), 'utf8')) as RunFile;
    } catch (error) {
      if (error instanceof SyntaxError) throw new UsageError(`${join(dir, runFileName)} is damaged.`);
    }
  }
  throw new UsageError(`${path} is not the folder of a run: it has no ${runFileName}.`);
}
