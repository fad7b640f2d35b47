import { existsSync } from 'node:fs';
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LockstepError } from '@lockstep/core';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { nodeFileSystem, type WritableFile } from '../storage/file-system.ts';
import { SimulatedDisk } from '../testing/simulated-disk.ts';
import { formatLine, Journal, type JournalLine, journalName, readJournal } from './journal.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'lockstep-journal-'));
});
afterEach(() => rm(dir, { recursive: true }));

const line = (step: number, parts: Partial<JournalLine> = {}): JournalLine => ({
  step,
  phase: '',
  digest: step.toString(16).padStart(32, '0'),
  loss: 1 / step,
  learningRates: [0.1, 0.01],
  scalars: [],
  ...parts,
});

async function write(...steps: number[]): Promise<void> {
  const journal = await Journal.open(dir);
  for (const step of steps) journal.append(line(step));
  await journal.close();
}

const text = () => readFile(join(dir, journalName), 'utf8');

test('a line holds the exact bits of loss and schedules, beside a readable loss', () => {
  expect(formatLine(line(3, { loss: 0.5, learningRates: [1], scalars: [-0, 2], skipped: true }))).toBe(
    '3 00000000000000000000000000000003 3fe0000000000000 0.5000000 lr=3ff0000000000000 scalars=8000000000000000,4000000000000000 skipped',
  );
  expect(formatLine(line(1, { loss: 0.1 + 0.2 }))).not.toBe(formatLine(line(1, { loss: 0.3 })));
});

test('lines come back in order, by step', async () => {
  await write(1, 2, 3);
  expect([...(await readJournal(dir))]).toEqual([1, 2, 3].map((step) => [String(step), formatLine(line(step))]));
});

test('there is no file before the first line, and no lines where there is no file', async () => {
  const journal = await Journal.open(dir);
  await journal.close();
  expect(existsSync(join(dir, journalName))).toBe(false);
  expect((await readJournal(dir)).size).toBe(0);
});

test('steps that are replayed are compared and not written twice', async () => {
  await write(1, 2, 3);
  const before = await text();
  const journal = await Journal.open(dir);
  journal.append(line(2));
  journal.append(line(3));
  journal.append(line(4));
  await journal.close();
  expect(await text()).toBe(`${before}${formatLine(line(4))}\n`);
});

test('a replayed step with other bits is an error that names it', async () => {
  await write(1, 2, 3);
  const journal = await Journal.open(dir);
  expect(() => journal.append(line(2, { loss: 0.5000001 }))).toThrow(LockstepError);
  expect(() => journal.append(line(2, { digest: 'f'.repeat(32) }))).toThrow(
    /^Step 2 gave other bits than before the resume .* start a new run\.$/,
  );
  await journal.close();
});

test.each([1, 20, 60])('a last line torn after %d bytes is written again', async (torn) => {
  await write(1, 2);
  const whole = await text();
  await appendFile(join(dir, journalName), formatLine(line(3)).slice(0, torn));
  expect((await readJournal(dir)).size).toBe(2);
  await write(2, 3);
  expect(await text()).toBe(`${whole}${formatLine(line(3))}\n`);
});

test('bytes that are no text do not shift the end', async () => {
  await write(1, 2);
  const bytes = await readFile(join(dir, journalName));
  bytes[10] = 0xff;
  await writeFile(join(dir, journalName), bytes);
  await write(2, 3);
  expect([...(await readJournal(dir)).keys()]).toEqual(['1', '2', '3']);
});

test('a full disk raises the alarm once, and the lines are there when space returns', async () => {
  let written = Buffer.alloc(0);
  let room = 150;
  const open = async (): Promise<WritableFile> => ({
    async write(bytes, position) {
      // As a disk does: what fits is written before the error.
      const fitting = bytes.subarray(0, Math.max(0, room - position));
      written = Buffer.concat([written.subarray(0, position), fitting]);
      if (fitting.length < bytes.length) throw new Error('ENOSPC: no space left on device');
    },
    truncate: async () => undefined,
    sync: async () => undefined,
    close: async () => undefined,
  });
  const alarms: string[] = [];
  const journal = await Journal.open(dir, {
    alarm: (message) => alarms.push(message),
    fs: { ...nodeFileSystem, open },
  });
  for (const step of [1, 2, 3, 4]) {
    journal.append(line(step));
    await journal.flush();
  }
  expect(alarms).toEqual([
    expect.stringMatching(
      /journal\.txt cannot be written \(ENOSPC.*\); training goes on, its lines are tried again\.$/,
    ),
  ]);
  room = 1e6;
  journal.append(line(5));
  await journal.close();
  expect(written.toString()).toBe([1, 2, 3, 4, 5].map((step) => `${formatLine(line(step))}\n`).join(''));
  expect(alarms).toHaveLength(1);
});

test.each(['EIO', 'ENOSPC'])(
  'a sync that fails with %s: what it lost is written again, to a file opened anew',
  async (code) => {
    const disk = new SimulatedDisk();
    let faults = 2;
    const opened: number[] = [];
    const fs = disk.mount({
      before: (operation) => {
        if (operation === 'open') opened.push(faults);
        return operation === 'sync' && faults-- > 0 ? { code } : undefined;
      },
    });
    const alarms: string[] = [];
    const journal = await Journal.open('', { fs, alarm: (message) => alarms.push(message) });
    for (const step of [1, 2, 3]) {
      journal.append(line(step));
      await journal.sync();
    }
    // Not once more on the same file: that would report a success, with nothing written.
    expect(opened).toEqual([2, 1, 0]);
    expect(alarms).toHaveLength(2);
    const lines = await readJournal('', disk.powerCut(() => 0).mount());
    expect([...lines.values()]).toEqual([1, 2, 3].map((step) => formatLine(line(step))));
  },
);
