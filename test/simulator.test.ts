import { expect, test } from 'vitest';
import { playHistory } from './simulator/history.ts';

// Coordinator and workers in one process, with simulated clock, network and disk. A history follows from its seed alone:
// `node test/simulator/try.ts SEED` plays it again, with TRACE=1 in every detail.

test('the journal of every history is that of the undisturbed run', { timeout: 60_000 }, async () => {
  for (let seed = 0; seed < 300; seed++) {
    const { wrong, job } = await playHistory(seed);
    expect(wrong, `seed ${seed}: ${JSON.stringify(job)}`).toEqual([]);
  }
});
