import type { FileSystem } from '../../packages/coordinator/src/storage/file-system.ts';
import { nodeFileSystem } from '../../packages/coordinator/src/storage/file-system.ts';
import { runEngine } from './engine-run.ts';

// node killed-run.ts <job> <out> <n>: a run that sends itself SIGKILL before its n-th change of the disk; prints the name of the change.

const [job, out, at] = process.argv.slice(2) as [string, string, string];
let changes = 0;

async function before(name: string): Promise<void> {
  if (++changes !== Number(at)) return;
  process.stdout.write(`${name}\n`, () => process.kill(process.pid, 'SIGKILL'));
  await new Promise(() => undefined);
}

const disk: FileSystem = {
  ...nodeFileSystem,
  async open(path) {
    await before('open');
    const file = await nodeFileSystem.open(path);
    return {
      ...file,
      async write(bytes, position) {
        await before('write');
        const half = bytes.length >>> 1;
        await file.write(bytes.subarray(0, half), position);
        await before('second half of write');
        await file.write(bytes.subarray(half), position + half);
      },
      async sync() {
        await before('sync');
        await file.sync();
      },
    };
  },
  async rename(from, to) {
    await before('rename');
    await nodeFileSystem.rename(from, to);
  },
  async syncDirectory(path) {
    await before('sync of a directory');
    await nodeFileSystem.syncDirectory(path);
  },
  async remove(path) {
    await before('remove');
    await nodeFileSystem.remove(path);
  },
};

await runEngine(job, disk, { out, checkpointEvery: 5 });
