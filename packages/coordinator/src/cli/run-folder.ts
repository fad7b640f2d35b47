import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { isFenceFile } from '../storage/fence.ts';

/** `runs/<job>`, or the next number behind it: a second plain run is not refused. */
export function freeFolder(job: string): string {
  const name = join('runs', basename(job).replace(/\.[cm]?[jt]s$/, ''));
  for (let n = 1; ; n++) {
    const folder = n === 1 ? name : `${name}-${n}`;
    if (isFree(folder)) return folder;
  }
}

/** A folder with no more than notes of who started is what a run leaves that failed before its first step. */
function isFree(folder: string): boolean {
  try {
    return readdirSync(folder).every(isFenceFile);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}
