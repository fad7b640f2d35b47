import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { RunEvent, StepEvent } from '../observe/events.ts';
import { EventSender } from './event-sender.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const step = (n: number): StepEvent => ({
  type: 'step',
  step: n,
  loss: 1,
  metrics: { loss: 1 },
  learningRate: 1,
  gradientNorm: 1,
  samplesPerSecond: 1,
});
const warning: RunEvent = { type: 'warning', message: 'careful' };

function open() {
  const groups: RunEvent[][] = [];
  let closed = false;
  const sender = new EventSender({
    postMessage: (group: RunEvent[]) => void groups.push(group),
    close: () => {
      closed = true;
    },
  });
  return { sender, groups, closed: () => closed };
}

test('the first step goes at once, those that follow closely go together', () => {
  const { sender, groups } = open();
  for (const n of [1, 2, 3]) sender.send(step(n));
  expect(groups).toEqual([[step(1)]]);
  vi.advanceTimersByTime(100);
  expect(groups).toEqual([[step(1)], [step(2), step(3)]]);
  sender.send(step(4));
  expect(groups.at(-1), 'after a pause nothing waits').toEqual([step(4)]);
});

test('other events take along what waits, and keep the order', () => {
  const { sender, groups, closed } = open();
  for (const event of [step(1), step(2), warning, step(3)]) sender.send(event);
  expect(groups).toEqual([[step(1)], [step(2), warning]]);
  sender.close();
  expect(groups.at(-1)).toEqual([step(3)]);
  expect(closed()).toBe(true);
  expect(vi.getTimerCount()).toBe(0);
});
