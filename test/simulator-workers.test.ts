import { expect, test } from 'vitest';
import { playHistory } from './simulator/history.ts';

// Coordinator and workers in one process, with simulated clock, network and disk; the workers exchange sums. A history follows from
// its seed alone: `npm run simulate -- SEED SEED workers` plays it again, with TRACE=1 in every detail.

const histories = 1000;

test('the journal of every history is that of the undisturbed run', { timeout: 300_000 }, async () => {
  for (let seed = 0; seed < histories; seed++) {
    const { wrong, job, kinds } = await playHistory(seed, 'workers');
    expect(wrong, `seed ${seed}: ${JSON.stringify({ kinds, job })}`).toEqual([]);
  }
});
