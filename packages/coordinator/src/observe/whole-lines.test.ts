import { expect, test } from 'vitest';
import { formatLine } from './journal.ts';
import { wholeLines } from './whole-lines.ts';

const line = (step: number, phase = '') =>
  `${formatLine({ step, phase, digest: step.toString(16).padStart(32, '0'), loss: 1 / step, learningRates: [0.1], scalars: phase ? [1] : [], skipped: step === 2 })}\n`;

test.each([0, 1, 40, 80])('an end torn after %d bytes goes', (torn) => {
  const whole = [1, 2, 3].map((step) => line(step)).join('');
  expect(wholeLines(Buffer.from(whole + line(4).slice(0, torn))).toString()).toBe(whole);
});

test('a hole ends the journal after the checkpoint, and is left alone before it', () => {
  const lines = [1, 2, 3, 4, 5].flatMap((step) => [line(step, 'a'), line(step, 'b')]);
  const bytes = Buffer.from(lines.join(''));
  const third = lines.slice(0, 4).join('').length;
  bytes.fill(0, third + 10, third + 200);
  expect(wholeLines(bytes, 1).toString()).toBe(lines.slice(0, 4).join(''));
  expect(wholeLines(bytes, 2).toString()).toBe(lines.slice(0, 4).join(''));
  expect(wholeLines(bytes, 5)).toEqual(bytes);
});
