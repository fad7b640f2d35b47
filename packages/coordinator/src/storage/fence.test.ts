import { UsageError } from '@lockstep/core';
import { expect, test } from 'vitest';
import { SimulatedDisk } from '../testing/simulated-disk.ts';
import { coordinatorFile, Fence, SupersededError } from './fence.ts';
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
    'Another process has gone on with the run of coordinator.json (start 2, this one is 1): this one stops and writes nothing more.',
  );
  expect(first.fence.replaced).toBeInstanceOf(SupersededError);
  expect(await second.fs.read('journal.txt')).toEqual(new Uint8Array([1]));
  await expect(second.fence.check()).resolves.toBeUndefined();
  expect(second.fence.replaced).toBeUndefined();
  await second.fence.advance(9);
  expect((await started()).fence.incarnation).toBe(10);
  await expect(second.fence.advance(11)).rejects.toThrow(SupersededError);
});

test('of two that start at the same moment one goes on', async () => {
  const both = await Promise.all([started(), started()]);
  const checks = await Promise.allSettled(both.map(({ fence }) => fence.check()));
  expect(checks.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
});

test('a file that was deleted is no other process, a damaged one is said', async () => {
  const { fence } = await started();
  const fs = disk.mount();
  await fs.remove(coordinatorFile);
  await expect(fence.check()).resolves.toBeUndefined();
  for (const damage of ['', '{}', '{"incarnation":-1,"run":"r","id":"x"}', '{"incarnation":1', 'null']) {
    await fs.remove(coordinatorFile);
    await writeDurably(fs, coordinatorFile, new TextEncoder().encode(damage));
    await expect(started()).rejects.toThrow(UsageError);
  }
});
