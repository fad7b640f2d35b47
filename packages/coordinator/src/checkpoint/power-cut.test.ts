import { random } from '@lockstep/core';
import { expect, test } from 'vitest';
import { formatLine, Journal, type JournalLine, readJournal } from '../observe/journal.ts';
import { Fence } from '../storage/fence.ts';
import { FencedFileSystem } from '../storage/fenced-file-system.ts';
import type { FileSystem } from '../storage/file-system.ts';
import { type MountedDisk, SimulatedDisk } from '../testing/simulated-disk.ts';
import { identity, model, stateAt } from '../testing/tiny-run.ts';
import { CheckpointStore } from './store.ts';

// Whatever a power cut or a kill leaves of a run's folder, the run goes on from a whole checkpoint with a journal that reaches it.

const steps = 9;
const line = (step: number): JournalLine => ({
  step,
  phase: '',
  digest: step.toString(16).padStart(32, '0'),
  loss: 1 / step,
  learningRates: [0.1],
  scalars: Array.from({ length: 12 }, (_, i) => i / step),
});

/** As a coordinator does: takes the folder, goes on from what is there, writes a line a step and a checkpoint every third. */
async function trainOn(disk: FileSystem, saved: (step: number) => void = () => undefined): Promise<number> {
  await disk.makeDirectory('run');
  const fence = new Fence('run', disk);
  const fs = new FencedFileSystem(disk, fence);
  const store = new CheckpointStore('run', identity, model, { last: 2, best: true }, fs, fence.id);
  const loaded = await store.loadNewest();
  const from = loaded?.state.step ?? 0;
  if (loaded) expect(loaded.state).toEqual(stateAt(from));
  await fence.raise();
  const journal = await Journal.open('run', { fs, fromStep: from, alarm: (message) => expect.unreachable(message) });
  const before = await readJournal('run', disk);
  for (let step = 1; step <= from; step++) expect(before.get(String(step))).toBe(formatLine(line(step)));
  for (let step = from + 1; step <= steps; step++) {
    journal.append(line(step));
    if (step % 3 !== 0) continue;
    await journal.sync();
    await store.save(stateAt(step), 1 / step);
    saved(step);
  }
  await journal.close();
  return from;
}

/** Ends where an undisturbed run ends. */
async function expectWhole(disk: FileSystem): Promise<void> {
  const lines = [...(await readJournal('run', disk)).values()];
  expect(lines).toEqual(Array.from({ length: steps }, (_, i) => formatLine(line(i + 1))));
}

/** Runs until operation number `at`, and says which checkpoints were reported as written. */
async function killedAt(disk: SimulatedDisk, at: number): Promise<number | 'done'> {
  let operations = 0;
  let saved = 0;
  const mount: MountedDisk = disk.mount({ before: () => (++operations === at ? 'killed' : undefined) });
  const done = trainOn(mount, (step) => {
    saved = step;
  }).then(() => 'done' as const);
  return Promise.race([done, mount.killed.then(() => saved)]);
}

test('killed before any operation: the system keeps what was written', async () => {
  let saved: number | 'done' = 0;
  let at = 1;
  for (; saved !== 'done'; at++) {
    const disk = new SimulatedDisk();
    saved = await killedAt(disk, at);
    const from = await trainOn(disk.mount());
    if (saved !== 'done') expect(from).toBeGreaterThanOrEqual(saved);
    await expectWhole(disk.mount());
  }
  expect(at).toBeGreaterThan(100);
});

test('the power is cut before any operation: what was not forced to disk is lost in parts, and again on the way back', async () => {
  const coins = random.generator(5);
  const flip = () => coins.uniform();
  const resumedFrom = new Set<number>();
  let saved: number | 'done' = 0;
  for (let at = 1; saved !== 'done'; at++) {
    for (let round = 0; round < 4; round++) {
      const disk = new SimulatedDisk();
      saved = await killedAt(disk, at);
      let survivor = disk.powerCut(flip);
      if (round % 2 === 1) {
        await killedAt(survivor, 1 + Math.floor(flip() * 40));
        survivor = survivor.powerCut(flip);
      }
      const from = await trainOn(survivor.mount());
      resumedFrom.add(from);
      // Nothing that was reported as written is lost.
      if (saved !== 'done') expect(from).toBeGreaterThanOrEqual(saved);
      await expectWhole(survivor.mount());
    }
  }
  expect([...resumedFrom].sort()).toEqual([0, 3, 6, 9]);
});

test('frozen before any operation, and woken after another has gone on: the first changes nothing any more', async () => {
  let finished = false;
  for (let at = 1; !finished; at += 3) {
    const disk = new SimulatedDisk();
    let operations = 0;
    let wake: () => void = () => undefined;
    let frozen: () => void = () => undefined;
    const reached = new Promise<boolean>((resolve) => {
      frozen = () => resolve(false);
    });
    const mount = disk.mount({
      pause: () =>
        ++operations === at
          ? new Promise((resolve) => {
              wake = resolve;
              frozen();
            })
          : Promise.resolve(),
    });
    const first = trainOn(mount).catch((error: unknown) => error);
    finished = await Promise.race([first.then(() => true), reached]);
    if (finished) break;
    await trainOn(disk.mount());
    const after = await contents(disk.mount());
    wake();
    await first;
    // What the first was about to do when it froze is of the same steps, or under a name of its own, or the removal of an old checkpoint.
    const now = await contents(disk.mount());
    const kept = [...after].filter(([path]) => /journal|step-00000000[69]/.test(path));
    expect(kept).toHaveLength(9);
    for (const [path, bytes] of kept)
      expect(now.get(path), `${path} after a freeze before operation ${at}`).toEqual(bytes);
    await expectWhole(disk.mount());
  }
});

async function contents(fs: FileSystem, path = 'run'): Promise<Map<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>();
  for (const name of await fs.list(path)) {
    const inside = await contents(fs, `${path}/${name}`);
    if (inside.size > 0) for (const [file, bytes] of inside) found.set(file, bytes);
    else found.set(`${path}/${name}`, await fs.read(`${path}/${name}`).catch(() => new Uint8Array(0)));
  }
  return found;
}
