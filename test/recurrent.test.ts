import { fileURLToPath } from 'node:url';
import { type TrainOptions, train } from '@lockstep/coordinator';
import { describe, expect, test } from 'vitest';

// The examples with recurrent layers, shortened: one digest whatever runs them, and they learn.

const path = (name: string): string => fileURLToPath(new URL(`../examples/${name}.ts`, import.meta.url));

async function digestOf(name: string, options: TrainOptions): Promise<string> {
  return (await train(path(name), { steps: 12, ...options }).done).digest;
}

describe.each(['rnn-forecast', 'lstm-tagger'])('%s', (name) => {
  test('one digest on 1, 2 and 3 threads, with shards one by one, and without widening', async () => {
    const one = await digestOf(name, { threads: 1 });
    expect(one).toMatch(/^[0-9a-f]{64}$/);
    for (const options of [
      { threads: 2 },
      { threads: 3 },
      { threads: 2, mergeShards: false },
      { threads: 1, widen: false },
    ])
      expect(await digestOf(name, options), JSON.stringify(options)).toBe(one);
    expect(await digestOf(name, { threads: 2, steps: 13 })).not.toBe(one);
  });
});

test('two epochs of rnn-forecast beat the seasonal-naive error by half', async () => {
  const run = train(path('rnn-forecast'), { threads: 2, epochs: 2 });
  let metrics: Readonly<Record<string, number>> = {};
  for await (const event of run) if (event.type === 'eval') metrics = event.metrics;
  await run.done;
  expect(metrics.error).toBeLessThan((metrics.seasonalNaiveError as number) / 2);
  expect(metrics.seasonalNaiveError).toBeGreaterThan(0.5);
});
