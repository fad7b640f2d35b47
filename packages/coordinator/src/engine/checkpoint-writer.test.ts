import { expect, test } from 'vitest';
import type { CheckpointStore } from '../checkpoint/store.ts';
import type { RunEvent } from '../observe/events.ts';
import { Journal } from '../observe/journal.ts';
import { SimulatedDisk } from '../testing/simulated-disk.ts';
import { CheckpointWriter } from './checkpoint-writer.ts';

test('no checkpoint is written before its journal is on disk, except the last one of a run', async () => {
  let failing = true;
  const fs = new SimulatedDisk().mount({
    before: (operation) => (failing && operation === 'sync' ? { code: 'EIO' } : undefined),
  });
  const journal = await Journal.open('', { fs });
  const saved: number[] = [];
  const store = {
    save: async ({ step }: { step: number }) => {
      saved.push(step);
      return { path: `step-${step}`, digest: 'd' };
    },
  } as unknown as CheckpointStore;
  const events: RunEvent[] = [];
  const writer = new CheckpointWriter(store, journal, (event) => events.push(event));
  const at = async (step: number, final: boolean) => {
    const values = { phase: '', digest: 'd', loss: 1, learningRates: [0.1], scalars: [] };
    journal.append({ step, ...values });
    writer.write({ step, parameters: new Float32Array(1), optimizer: {}, counters: {} }, final);
    await writer.finish();
  };
  await at(1, false);
  expect(saved).toEqual([]);
  expect(events).toMatchObject([
    { type: 'warning', step: 1, message: expect.stringContaining('could not be written') },
  ]);
  failing = false;
  await at(2, false);
  failing = true;
  await at(3, true);
  expect(saved).toEqual([2, 3]);
});
