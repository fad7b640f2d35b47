import { random } from '@lockstep/core';
import { expect, test } from 'vitest';
import { type FileSystem, writeDurably } from '../storage/file-system.ts';
import { SimulatedDisk } from './simulated-disk.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const text = async (fs: FileSystem, path: string) => new TextDecoder().decode(await fs.read(path));

/** What can be found after a power cut, over many of them. */
async function outcomes(disk: SimulatedDisk, look: (fs: FileSystem) => Promise<string>): Promise<string[]> {
  const found = new Set<string>();
  const coins = random.generator(1);
  for (let i = 0; i < 80; i++) {
    const fs = disk.powerCut(() => coins.uniform()).mount();
    found.add(await look(fs).catch((error: NodeJS.ErrnoException) => String(error.code)));
  }
  return [...found].sort();
}

test('what is forced to disk survives a power cut, contents and entry each by itself', async () => {
  const disk = new SimulatedDisk();
  const fs = disk.mount();
  await fs.makeDirectory('a');
  await fs.syncDirectory('');
  await writeDurably(fs, 'a/f', bytes('old'));
  const look = (after: FileSystem) => text(after, 'a/f');
  expect(await outcomes(disk, look)).toEqual(['ENOENT', 'old']);
  await fs.syncDirectory('a');
  expect(await outcomes(disk, look)).toEqual(['old']);
  const file = await fs.open('a/f');
  await file.write(bytes('new!'), 0);
  expect(await text(fs, 'a/f')).toBe('new!');
  // A write reaches the disk in parts.
  expect(await outcomes(disk, look)).toEqual(['ned', 'new!', 'old', 'olw!']);
});

test('a renamed entry is at one of both places', async () => {
  const disk = new SimulatedDisk();
  const fs = disk.mount();
  await writeDurably(fs, 'f', bytes('x'));
  await fs.syncDirectory('');
  await fs.rename('f', 'g');
  expect(await outcomes(disk, async (after) => (await after.list('')).join())).toEqual(['f', 'g']);
});

test('what a failed sync lost stays lost, though the next one succeeds', async () => {
  const disk = new SimulatedDisk();
  let failing = true;
  const fs = disk.mount({ before: (operation) => (operation === 'sync' && failing ? { code: 'EIO' } : undefined) });
  const file = await fs.open('f');
  await fs.syncDirectory('');
  await file.write(bytes('ab'), 0);
  await expect(file.sync()).rejects.toThrow('EIO');
  failing = false;
  await file.sync();
  expect(await text(fs, 'f')).toBe('ab');
  expect(await outcomes(disk, (after) => text(after, 'f'))).toEqual(['']);
});

test('a killed process does nothing more, and the system keeps what it did', async () => {
  const disk = new SimulatedDisk();
  const fs = disk.mount({ before: (operation) => (operation === 'rename' ? 'killed' : undefined) });
  await writeDurably(fs, 'f', bytes('x'));
  let settled = false;
  void fs.rename('f', 'g').finally(() => {
    settled = true;
  });
  await fs.killed;
  void fs.remove('f');
  expect(await disk.mount().list('')).toEqual(['f']);
  expect(settled).toBe(false);
});
