import { parameterDigest } from '@lockstep/core/internal';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import type { FileSystem, WritableFile } from '../storage/file-system.ts';
import { identity, layout, model, stateAt } from '../testing/tiny-run.ts';
import type { RunIdentity } from './state.ts';
import { CheckpointStore, loadNewest } from './store.ts';

/** A disk in memory that can be told to fail. */
class MemoryDisk implements FileSystem {
  readonly files = new Map<string, Uint8Array>();
  /** Asked before each operation; what it returns is thrown. */
  fault: (operation: string, path: string) => Error | undefined = () => undefined;

  #check(operation: string, path: string): void {
    const error = this.fault(operation, path);
    if (error) throw error;
  }
  async makeDirectory(path: string): Promise<void> {
    this.#check('makeDirectory', path);
  }
  async open(path: string): Promise<WritableFile> {
    return {
      write: async (bytes) => {
        this.#check('write', path);
        this.files.set(path, Buffer.from(bytes));
      },
      truncate: async () => undefined,
      sync: async () => this.#check('sync', path),
      close: async () => undefined,
    };
  }
  async create(path: string): Promise<WritableFile | null> {
    return this.files.has(path) ? null : this.open(path);
  }
  async rename(from: string, to: string): Promise<void> {
    this.#check('rename', from);
    for (const [path, bytes] of [...this.files]) {
      if (!path.startsWith(`${from}/`)) continue;
      this.files.delete(path);
      this.files.set(to + path.slice(from.length), bytes);
    }
  }
  async syncDirectory(path: string): Promise<void> {
    this.#check('syncDirectory', path);
  }
  async read(path: string): Promise<Uint8Array> {
    const bytes = this.files.get(path);
    if (!bytes) throw Object.assign(new Error(`ENOENT ${path}`), { code: 'ENOENT' });
    return bytes;
  }
  async list(path: string): Promise<string[]> {
    const inside = [...this.files.keys()].filter((file) => file.startsWith(`${path}/`));
    return [...new Set(inside.map((file) => file.slice(path.length + 1).split('/')[0] as string))];
  }
  async remove(path: string): Promise<void> {
    for (const file of [...this.files.keys()])
      if (file === path || file.startsWith(`${path}/`)) this.files.delete(file);
  }
}

let disk: MemoryDisk;
const store = (keep = { last: 3, best: true }) => new CheckpointStore('run', identity, model, keep, disk);
beforeEach(() => {
  disk = new MemoryDisk();
});

test('what is saved is loaded, to the bit', async () => {
  const { digest } = await store().save(stateAt(5));
  expect(digest).toBe(parameterDigest(layout, stateAt(5).parameters));
  const loaded = await store().loadNewest();
  expect(loaded?.state).toEqual(stateAt(5));
  expect(loaded?.rejected).toEqual([]);
});

test('the last ones and the best stay', async () => {
  const checkpoints = store({ last: 2, best: true });
  const losses = [3, 1, 2, 2.5, 2.6];
  for (const [i, loss] of losses.entries()) await checkpoints.save(stateAt(i + 1), loss);
  expect(await disk.list('run')).toEqual(['step-000000002', 'step-000000004', 'step-000000005']);
});

test('an empty folder has none', async () => {
  expect(await store().loadNewest()).toBeNull();
});

describe.each(['makeDirectory', 'write', 'sync', 'rename', 'syncDirectory'])('%s fails', (operation) => {
  test.each(['ENOSPC', 'EIO'])(
    'with %s: the save is refused, the old checkpoint is intact, a later save works',
    async (code) => {
      await store().save(stateAt(1));
      disk.fault = (op) => (op === operation ? Object.assign(new Error(code), { code }) : undefined);
      await expect(store().save(stateAt(2))).rejects.toThrow(code);
      disk.fault = () => undefined;
      const loaded = await store().loadNewest();
      expect([1, 2]).toContain(loaded?.state.step);
      expect(loaded?.state).toEqual(stateAt(loaded?.state.step as number));
      expect((await disk.list('run')).filter((name) => name.startsWith('.tmp'))).toEqual([]);
      await store().save(stateAt(3));
      expect((await store().loadNewest())?.state).toEqual(stateAt(3));
    },
  );
});

test('any flipped byte, cut or missing file of the newest: the one before is taken, whole', async () => {
  await store().save(stateAt(1));
  await store().save(stateAt(2));
  const whole = new Map(disk.files);
  const newest = [...whole.keys()].filter((path) => path.includes('step-000000002'));
  const property = fc.asyncProperty(
    fc.constantFrom(...newest),
    fc.nat(),
    fc.constantFrom('flip', 'cut', 'remove', 'append'),
    fc.integer({ min: 1, max: 255 }),
    async (path, position, damage, mask) => {
      disk.files.clear();
      for (const [file, bytes] of whole) disk.files.set(file, bytes);
      const bytes = Buffer.from(whole.get(path) as Uint8Array);
      const at = position % bytes.length;
      if (damage === 'flip') bytes[at] = (bytes[at] as number) ^ mask;
      if (damage === 'remove') disk.files.delete(path);
      else
        disk.files.set(
          path,
          damage === 'cut'
            ? bytes.subarray(0, at)
            : damage === 'append'
              ? Buffer.concat([bytes, Buffer.from([mask])])
              : bytes,
        );
      const loaded = await loadNewest('run', disk);
      // A change that leaves the manifest's meaning alone, such as a space, may pass; then everything in it must be right.
      expect(loaded?.state).toEqual(stateAt(loaded?.state.step as number));
      expect(loaded?.state.counters).toEqual(stateAt(loaded?.state.step as number).counters);
    },
  );
  await fc.assert(property, { numRuns: 1500, seed: 11 });
});

test('with all damaged, it says so and changes nothing', async () => {
  await store().save(stateAt(1));
  disk.files.set('run/step-000000001/model.safetensors', new Uint8Array(10));
  const before = [...disk.files.keys()];
  await expect(store().loadNewest()).rejects.toThrow(/None of the 1 checkpoints in run can be used/);
  expect([...disk.files.keys()]).toEqual(before);
});

test('a checkpoint of another run is refused by what differs', async () => {
  await store().save(stateAt(1));
  const other = (change: Partial<RunIdentity>) =>
    new CheckpointStore('run', { ...identity, ...change }, model, { last: 1, best: false }, disk).loadNewest();
  await expect(other({ seed: 2 })).rejects.toThrow('its seed is 1, not 2');
  await expect(other({ dataDigest: 'x' })).rejects.toThrow('its data differs');
  await expect(other({ batch: { size: 4, shards: 4 } })).rejects.toThrow('its batch is {"size":4,"shards":2}');
});

test('damaged ones stay as evidence and do not push out the whole ones of a resumed run', async () => {
  for (const step of [1, 2, 90, 91]) await store({ last: 9, best: false }).save(stateAt(step));
  for (const step of [90, 91]) disk.files.set(`run/step-0000000${step}/optimizer.safetensors`, new Uint8Array(8));
  const resumed = store({ last: 2, best: false });
  expect((await resumed.loadNewest())?.rejected.map(({ path }) => path)).toEqual([
    'run/step-000000091',
    'run/step-000000090',
  ]);
  await resumed.save(stateAt(3));
  expect((await disk.list('run')).sort()).toEqual(
    [2, 3, 90, 91].map((step) => `step-${String(step).padStart(9, '0')}`),
  );
  await resumed.save(stateAt(90));
  expect((await store().loadNewest())?.state).toEqual(stateAt(90));
});

test('a checkpoint that is there already is not replaced, unless it is damaged', async () => {
  await store().save(stateAt(1));
  disk.fault = (operation) => (operation === 'write' ? new Error('EIO') : undefined);
  await store().save(stateAt(1));
  disk.files.set('run/step-000000001/model.json', new Uint8Array(8));
  await expect(store().save(stateAt(1))).rejects.toThrow('EIO');
  disk.fault = () => undefined;
  await store().save(stateAt(1));
  expect((await store().loadNewest())?.state).toEqual(stateAt(1));
});

test('what a killed process left half-written goes with the next checkpoint', async () => {
  disk.files.set('run/.tmp-other-step-000000007/model.safetensors', new Uint8Array(3));
  await store().save(stateAt(8));
  expect(await disk.list('run')).toEqual(['step-000000008']);
});

test('a checkpoint without optimizer vectors, as of plain SGD', async () => {
  const state = { ...stateAt(2), optimizer: {} };
  await store().save(state);
  expect((await store().loadNewest())?.state).toEqual(state);
});

test('files of two checkpoints swapped are noticed', async () => {
  await store().save(stateAt(1));
  await store().save(stateAt(2));
  const [one, two] = [1, 2].map((step) => `run/step-00000000${step}/optimizer.safetensors`) as [string, string];
  disk.files.set(two, disk.files.get(one) as Uint8Array);
  expect((await store().loadNewest())?.state).toEqual(stateAt(1));
});

test('a process killed before any operation of a save leaves the old or the new checkpoint, whole', async () => {
  const left: number[] = [];
  for (let killedAt = 1, killed = true; killed; killedAt++) {
    disk = new MemoryDisk();
    await store().save(stateAt(1));
    let operations = 0;
    disk.fault = () => (++operations >= killedAt ? new Error('killed') : undefined);
    killed = await store()
      .save(stateAt(2))
      .then(
        () => false,
        () => true,
      );
    disk.fault = () => undefined;
    const loaded = await store().loadNewest();
    expect(loaded?.state).toEqual(stateAt(loaded?.state.step as number));
    left.push(loaded?.state.step as number);
  }
  expect(new Set(left)).toEqual(new Set([1, 2]));
  expect(left).toEqual(left.toSorted());
});
