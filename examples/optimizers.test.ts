import { expect, test } from 'vitest';
import { jobOf, type WayName, ways } from './optimizers.ts';
import { curvesOf, type Outcome, outcomeOf, tableOf } from './support/compare-runs.ts';

// A shortened run of the example: every optimizer for 30 steps, stochastic descent for its two epochs.
const outcomes: Outcome[] = [];

test.each(Object.keys(ways) as WayName[])('%s: the loss falls, the same on 1, 2 and 3 threads', async (name) => {
  const digests = new Set<string>();
  for (const threads of [1, 2, 3]) {
    const steps = name === 'stochastic descent' ? 600 : 30;
    const outcome = await outcomeOf(name, jobOf(name), { steps, threads });
    digests.add(outcome.digest);
    if (threads === 1) outcomes.push(outcome);
    const { losses } = outcome;
    expect(losses.length).toBeGreaterThan(1);
    expect(losses.at(-1)).toBeLessThan(losses[0] as number);
  }
  expect(digests.size).toBe(1);
});

test('every optimizer gives other weights, and has a row and a curve', () => {
  expect(outcomes).toHaveLength(Object.keys(ways).length);
  expect(new Set(outcomes.map(({ digest }) => digest)).size).toBe(outcomes.length);
  const svg = curvesOf('', outcomes);
  for (const { name, losses } of outcomes) {
    expect(tableOf(outcomes)).toContain(name);
    expect(tableOf(outcomes)).toContain((losses.at(-1) as number).toFixed(4));
    expect(svg).toContain(`>${name}</text>`);
  }
});
