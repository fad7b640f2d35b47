import { expect, test } from 'vitest';
import { fewRowsWarning } from './few-rows.ts';

const warn = (trainLength: number, size: number, shards: number, mixesSamples = true) =>
  fewRowsWarning({ batch: { size, shards }, trainLength, mixesSamples });

test('small shards are told with what would help', () => {
  expect(warn(1000, 64, 8, false)).toBeUndefined();
  expect(warn(1024, 64, 4)).toBeUndefined();
  expect(warn(1024, 64, 8)).toBe(
    'Shards of 8 samples are few to normalise over (BatchNorm): use at most 4 shards, or GroupNorm.',
  );
  expect(warn(1024, 1, 1)).toContain(
    'Shards of 1 sample are few to normalise over (BatchNorm): use one shard and batches of at least 16',
  );
  expect(warn(10, 64, 1), 'fewer data than a batch').toContain('Shards of 10 samples');
});

test('the last batch of an epoch counts as well', () => {
  expect(warn(33, 16, 1)).toContain('The last batch of an epoch has 1 sample, shards of 1 sample');
  expect(warn(1024 + 48, 64, 4)).toContain('has 48 samples, shards of 12 samples');
  expect(warn(1024 + 48, 64, 3)).toBeUndefined();
});
