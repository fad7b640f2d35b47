import { stripVTControlCharacters } from 'node:util';
import { expect, test, vi } from 'vitest';
import type { RunEvent } from '../observe/events.ts';
import { durationText, reporterFor } from './reporter.ts';

/** What a reporter writes to the two streams while `use` runs. */
function written(use: () => void): { stdout: string; stderr: string } {
  const text = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((chunk) => {
      text[name] += chunk;
      return true;
    }),
  );
  try {
    use();
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
  return text;
}

const epoch = (n: number): RunEvent => ({ type: 'epoch', epoch: n, step: n, metrics: { loss: 1 / n } });
const step: RunEvent = {
  type: 'step',
  step: 1,
  loss: Number.NaN,
  metrics: {},
  learningRate: 0,
  gradientNorm: 0,
  samplesPerSecond: 1,
};

test('as JSON every event is a line on stdout; a loss that is no number is null', () => {
  const reporter = reporterFor(true);
  const { stdout, stderr } = written(() => {
    for (const event of [epoch(1), epoch(2), step]) reporter.event(event);
    reporter.say('to the person');
  });
  expect(
    stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
  ).toEqual([epoch(1), epoch(2), { ...step, loss: null }]);
  expect(stderr).toBe('to the person\n');
});

test('for people, of epochs that follow at once only the first is told; warnings always', () => {
  const reporter = reporterFor(false);
  const { stdout, stderr } = written(() => {
    for (let n = 1; n <= 50; n++) reporter.event(epoch(n));
    for (const message of ['one', 'two']) reporter.event({ type: 'warning', message });
  });
  expect(stdout).toBe('');
  expect(stripVTControlCharacters(stderr)).toMatch(/^epoch 1 {2}loss 1\.0000\nwarning: one\nwarning: two\n$/);
});

test.each([
  [0.4, '0 s'],
  [99, '99 s'],
  [100, '2 min'],
  [3000, '50 min'],
  [9000, '2.5 h'],
])('%d seconds are %s', (seconds, text) => {
  expect(durationText(seconds)).toBe(text);
});
