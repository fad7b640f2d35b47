import { expect, test } from 'vitest';
import { RefusalWarnings } from './refusal-warnings.ts';

test('the first of each reason is told at once, then each minute how many there were', () => {
  const said: string[] = [];
  let nowMs = 0;
  const warnings = new RefusalWarnings(
    (message) => said.push(message),
    () => nowMs,
  );
  warnings.count('CERTIFICATE', '10.0.0.9');
  for (nowMs = 1000; nowMs <= 61_000; nowMs += 1000) warnings.count('CERTIFICATE', '10.0.0.8');
  warnings.count('UNAUTHENTICATED');
  // No news: messages that come too late are usual after a loss.
  warnings.count('STALE');
  expect(said).toEqual([
    'A connection was refused that has no certificate of the authority of this run (from 10.0.0.9).',
    'A connection was refused that has no certificate of the authority of this run (from 10.0.0.8), and 59 more like it since the last such warning.',
    'A call was refused that came without a valid join token.',
  ]);
});

test('names that others choose fill neither memory nor log', () => {
  const said: string[] = [];
  const warnings = new RefusalWarnings(
    (message) => said.push(message),
    () => 0,
  );
  for (let i = 0; i < 1000; i++) warnings.tell(`Worker w${i} cannot be reached`);
  expect(said.length).toBe(257);
});
