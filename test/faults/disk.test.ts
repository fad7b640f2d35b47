import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { loadNewest } from '../../packages/coordinator/src/checkpoint/store.ts';
import { readJournal } from '../../packages/coordinator/src/observe/journal.ts';
import { nodeFileSystem } from '../../packages/coordinator/src/storage/file-system.ts';
import { type DiskOperation, SimulatedDisk } from '../../packages/coordinator/src/testing/simulated-disk.ts';
import { runEngine } from '../support/engine-run.ts';
import { golden, jobs, steps } from '../support/jobs.ts';

// F7, F23, F24: the disk of a run fails, or the process dies at any change of it.

const job = jobs.mlp;

describe.each<[DiskOperation, string]>([
  ['makeDirectory', 'ENOSPC'],
  ['open', 'EMFILE'],
  ['open', 'EROFS'],
  ['write', 'ENOSPC'],
  ['write', 'EDQUOT'],
  ['sync', 'ENOSPC'],
  ['sync', 'EIO'],
  ['rename', 'ENOSPC'],
  ['syncDirectory', 'EIO'],
])('%s fails with %s during a checkpoint', (operation, code) => {
  test('training goes on with the same bits, the alarm is raised, the old checkpoint is whole and a later one is written', async () => {
    const disk = new SimulatedDisk();
    // The second checkpoint, at step 10, and the journal beside it as long as that is being written.
    let [inSecond, failed] = [false, false];
    const fs = disk.mount({
      before: (now, path) => {
        const second = path.includes('step-000000010');
        inSecond = (inSecond || second) && !failed;
        if (!inSecond || now !== operation) return undefined;
        failed = second;
        return { code };
      },
    });
    const { result, events } = await runEngine(job, fs, { out: 'run', checkpointEvery: 5 });
    expect(result.digest).toBe(golden.mlp);
    const saved = events.flatMap((event) => (event.type === 'checkpoint' ? [event.step] : []));
    expect(saved).toEqual([5, 15, 20, 25, 30]);
    const alarms = events.flatMap((event) => (event.type === 'warning' ? [event.message] : []));
    expect(alarms).toContainEqual(
      expect.stringMatching(
        new RegExp(`^The checkpoint of step 10 could not be written .*${code}.*older checkpoints are intact`),
      ),
    );
    const newest = await loadNewest('run', disk.mount());
    expect(newest?.manifest).toMatchObject({ step: steps, digest: golden.mlp });
    expect((await readJournal('run', disk.mount())).size).toBe(steps);
  });
});

/** Runs test/support/killed-run.ts. @returns before which change it was killed; undefined where it came to its end */
function killedBefore(change: number, out: string): Promise<string | undefined> {
  const script = fileURLToPath(new URL('../support/killed-run.ts', import.meta.url));
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [script, job, out, String(change)], (error, stdout, stderr) => {
      if (error === null) resolve(undefined);
      else if (error.signal === 'SIGKILL') resolve(stdout.trim());
      else reject(new Error(stderr));
    });
  });
}

// A checkpoint makes about 40 changes; these are of the first two, of each kind.
test.each([8, 17, 31, 41, 47])('SIGKILL before change %d of the disk, then --resume: the same bits', async (change) => {
  const out = await mkdtemp(join(tmpdir(), 'lockstep-killed-'));
  try {
    expect(await killedBefore(change, out)).toMatch(/open|write|sync|rename|remove/);
    const { result } = await runEngine(job, nodeFileSystem, { out, resume: true, checkpointEvery: 5 });
    expect(result.digest).toBe(golden.mlp);
    expect([...(await readJournal(out)).keys()]).toEqual(Array.from({ length: steps }, (_, i) => String(i + 1)));
  } finally {
    await rm(out, { recursive: true });
  }
});

test('a real file system without room: the alarm, and the checkpoint once there is room again', async ({ skip }) => {
  const dir = await mkdtemp(join(tmpdir(), 'lockstep-full-'));
  try {
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'none', dir], { encoding: 'utf8' });
    if (mounted.status !== 0) return skip(`A small file system cannot be mounted here: ${mounted.stderr?.trim()}`);
    try {
      let filled = false;
      const filler = join(dir, 'filler');
      const fs = {
        ...nodeFileSystem,
        async makeDirectory(path: string) {
          if (path.includes('step-000000010')) {
            // As much as there is.
            spawnSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=1024'], { stdio: 'ignore' });
            filled = true;
          } else if (path.includes('step-000000015')) await rm(filler);
          await nodeFileSystem.makeDirectory(path);
        },
      };
      const { result, events } = await runEngine(job, fs, { out: join(dir, 'run'), checkpointEvery: 5 });
      expect(filled).toBe(true);
      expect(result.digest).toBe(golden.mlp);
      expect(events.flatMap((event) => (event.type === 'checkpoint' ? [event.step] : []))).toEqual([5, 15, 20, 25, 30]);
      expect(events).toContainEqual(expect.objectContaining({ message: expect.stringMatching(/step 10 .*ENOSPC/) }));
    } finally {
      spawnSync('umount', [dir]);
    }
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});
