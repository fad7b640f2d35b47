import { expect, test } from 'vitest';
import { SimulatedDisk } from '../testing/simulated-disk.ts';
import { Fence, isFenceFile, SupersededError } from './fence.ts';
import { FencedFileSystem } from './fenced-file-system.ts';
import { writeDurably } from './file-system.ts';

const disk = new SimulatedDisk();

async function started(fs = disk.mount()): Promise<{ fence: Fence; fs: FencedFileSystem }> {
  const fence = new Fence('', fs);
  await fence.raise();
  return { fence, fs: new FencedFileSystem(fs, fence) };
}

test('each start has the next number; who has a lower one makes no change any more', async () => {
  const first = await started();
  const file = await first.fs.open('journal.txt');
  await file.write(new Uint8Array([1]), 0);
  const second = await started();
  expect([first.fence.incarnation, second.fence.incarnation]).toEqual([1, 2]);
  expect(second.fence.run).toBe(first.fence.run);
  for (const change of [
    () => file.write(new Uint8Array([2]), 1),
    () => file.truncate(0),
    () => first.fs.open('journal.txt'),
    () => first.fs.rename('journal.txt', 'x'),
    () => first.fs.remove('journal.txt'),
    () => first.fs.makeDirectory('d'),
  ]) {
    await expect(change()).rejects.toThrow(SupersededError);
  }
  await expect(first.fence.check()).rejects.toThrow(
    'Another process has gone on with the run of . (start 2, this one is 1): this one stops and writes nothing more.',
  );
  expect(first.fence.replaced).toBeInstanceOf(SupersededError);
  expect(await second.fs.read('journal.txt')).toEqual(new Uint8Array([1]));
  await expect(second.fence.check()).resolves.toBeUndefined();
  expect(second.fence.replaced).toBeUndefined();
  await second.fence.advance(9);
  expect((await started()).fence.incarnation).toBe(10);
  await expect(second.fence.advance(11)).rejects.toThrow(SupersededError);
});

test('of several that start at the same moment no two have the same number, and one goes on', async () => {
  const all = await Promise.all(Array.from({ length: 5 }, () => started()));
  expect(new Set(all.map(({ fence }) => fence.incarnation)).size).toBe(5);
  const checks = await Promise.allSettled(all.map(({ fence }) => fence.check()));
  expect(checks.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
});

test('files that were deleted are no other process, a torn one only counts', async () => {
  const { fence } = await started();
  const fs = disk.mount();
  for (const damage of ['', '{"run":', 'null']) {
    const { incarnation } = (await started()).fence;
    await writeDurably(
      fs,
      `coordinator-${String(incarnation + 1).padStart(6, '0')}.json`,
      new TextEncoder().encode(damage),
    );
    const next = await started();
    expect([next.fence.incarnation, next.fence.run]).toEqual([incarnation + 2, fence.run]);
  }
  const last = await started();
  for (const name of (await fs.list('')).filter(isFenceFile)) await fs.remove(name);
  await expect(last.fence.check()).resolves.toBeUndefined();
});

test('a disk that fails at the start refuses the run in a sentence', async () => {
  const fs = new SimulatedDisk().mount();
  fs.syncDirectory = () => Promise.reject(new Error('EIO: i/o error, fsync'));
  await expect(new Fence('', fs).raise()).rejects.toThrow(
    'The folder . cannot be written to (EIO: i/o error, fsync): mend its disk or make room there, and start again.',
  );
});
