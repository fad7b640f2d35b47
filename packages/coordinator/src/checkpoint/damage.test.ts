import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FormatError } from '@lockstep/core';
import { sha256Hex } from '@lockstep/core/internal';
import { beforeEach, describe, expect, test } from 'vitest';
import { nodeFileSystem, writeDurably } from '../storage/file-system.ts';
import { SimulatedDisk } from '../testing/simulated-disk.ts';
import { identity, layout, model, stateAt } from '../testing/tiny-run.ts';
import { decodeCheckpoint, files } from './encode.ts';
import { CheckpointStore, loadCheckpoint, loadNewest } from './store.ts';

// Beside the random damage of store.test.ts: cuts at every page, links, pipes, and files that were written to deceive.

const keep = { last: 5, best: false };
const newest = 'run/step-000000002';
let disk: SimulatedDisk;
beforeEach(async () => {
  disk = new SimulatedDisk();
  const fs = disk.mount();
  await fs.makeDirectory('run');
  const wide = {
    ...model,
    layout: { entries: [{ name: 'w', shape: [4096], offset: 0, size: 4096 }], trained: 4096, length: 4096 },
  };
  const store = new CheckpointStore('run', identity, wide, keep, fs);
  for (const step of [1, 2]) {
    const parameters = Float32Array.from({ length: 4096 }, (_, i) => step + i / 7);
    await store.save({ step, parameters, optimizer: { exp_avg: parameters }, counters: {} });
  }
});

test('cut at every 4 KiB, or to nothing: the one before is taken', async () => {
  const fs = disk.mount();
  for (const name of Object.values(files)) {
    const path = `${newest}/${name}`;
    const whole = await fs.read(path);
    for (let length = 0; length < whole.length; length += 4096) {
      const file = await fs.open(path);
      await file.truncate(length);
      expect((await loadNewest('run', fs))?.state.step).toBe(1);
      await file.truncate(0);
      await file.write(whole, 0);
    }
    expect((await loadNewest('run', fs))?.state.step).toBe(2);
  }
});

/** A checkpoint whose hashes are right and whose contents are not. */
async function forged(change: (contents: Map<string, string>, manifest: Record<string, unknown>) => unknown) {
  const fs = disk.mount();
  const binary = new Map<string, Buffer>();
  for (const name of Object.values(files)) binary.set(name, Buffer.from(await fs.read(`${newest}/${name}`)));
  const contents = new Map([...binary].map(([name, bytes]) => [name, bytes.toString('latin1')]));
  const { self: _, ...manifest } = JSON.parse(contents.get(files.manifest) as string) as Record<string, unknown>;
  change(contents, manifest);
  for (const [name, text] of contents) binary.set(name, Buffer.from(text, 'latin1'));
  const hashes = [files.weights, files.optimizer, files.model].map((name) => [
    name,
    sha256Hex(binary.get(name) as Buffer),
  ]);
  manifest.sha256 = Object.fromEntries(hashes);
  const self = sha256Hex(JSON.stringify(manifest));
  binary.set(files.manifest, Buffer.from(JSON.stringify({ ...manifest, self })));
  return binary;
}

const inModel = (from: string, to: string) => (contents: Map<string, string>) => {
  const text = contents.get(files.model) as string;
  expect(text).toContain(from);
  contents.set(files.model, text.replace(from, to));
};

test.each<[string, Parameters<typeof forged>[0]]>([
  ['an offset beyond the end', inModel('"offset": 0', '"offset": 4000')],
  ['a negative offset', inModel('"offset": 0', '"offset": -8')],
  ['a length that no memory has', inModel('"length": 4096', '"length": 1e300')],
  ['a name of a prototype', inModel('"name": "w"', '"name": "__proto__"')],
  ['no layout', inModel('"entries"', '"other"')],
  ['a step that is none', (_, manifest) => Object.assign(manifest, { step: -1 })],
  ['a vector that is not there', (_, manifest) => Object.assign(manifest, { optimizerVectors: ['__proto__'] })],
  ['vectors that are no list', (_, manifest) => Object.assign(manifest, { optimizerVectors: 7 })],
  [
    'a tensor twice in one header',
    (contents) => {
      const text = contents.get(files.weights) as string;
      contents.set(files.weights, text.replace('"w":', '"w":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"w":'));
    },
  ],
])('%s is refused, never a crash or half a state', async (_, change) => {
  const contents = await forged(change);
  expect(() => decodeCheckpoint(contents, 'forged')).toThrow(FormatError);
});

describe('on a real disk', () => {
  test('links and pipes are no files of a checkpoint', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'lockstep-damage-'));
    try {
      const store = new CheckpointStore(dir, identity, model, keep, nodeFileSystem);
      for (const step of [1, 2]) await store.save(stateAt(step));
      const weights = join(dir, 'step-000000002', files.weights);
      for (const replace of [
        () => symlinkSync(join(dir, 'step-000000001', files.weights), weights),
        () => symlinkSync('/dev/zero', weights),
        () => execFileSync('mkfifo', [weights]),
      ]) {
        unlinkSync(weights);
        replace();
        expect((await loadNewest(dir))?.state).toEqual(stateAt(1));
      }
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  test('a folder with the name of another step is not taken for it', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'lockstep-damage-'));
    try {
      await new CheckpointStore(dir, identity, model, keep, nodeFileSystem).save(stateAt(1));
      symlinkSync(join(dir, 'step-000000001'), join(dir, 'step-000000007'));
      const loaded = await loadNewest(dir);
      expect(loaded?.state.step).toBe(1);
      expect(loaded?.rejected.map(({ reason }) => reason)).toEqual([expect.stringMatching(/holds step 1\.$/)]);
      writeFileSync(join(dir, 'step-000000009'), 'a file');
      expect((await loadNewest(dir))?.state.step).toBe(1);
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});

test('more bytes than there should be', async () => {
  const fs = disk.mount();
  const weights = `${newest}/${files.weights}`;
  await writeDurably(fs, weights, Buffer.concat([await fs.read(weights), Buffer.alloc(1)]));
  await expect(loadCheckpoint(newest, fs)).rejects.toThrow(FormatError);
  expect(layout.length).toBeGreaterThan(0);
});
