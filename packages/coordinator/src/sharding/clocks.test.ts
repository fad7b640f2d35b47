import { expect, test } from 'vitest';
import { Clocks } from './clocks.ts';

test('the fastest waits for the slowest once it is the bound ahead', () => {
  const clocks = new Clocks(2);
  for (const member of [1, 2]) clocks.enter(member);
  const begun: boolean[] = [];
  for (let update = 0; update < 4; update++) {
    begun.push(clocks.mayBegin(1));
    if (begun.at(-1)) clocks.finished(1);
  }
  expect(begun).toEqual([true, true, true, false]);
  clocks.finished(2);
  expect(clocks.mayBegin(1)).toBe(true);
});

test('with a bound of 0 all begin the same update, one after the other waits', () => {
  const clocks = new Clocks(0);
  for (const member of [1, 2]) clocks.enter(member);
  clocks.finished(1);
  expect([clocks.mayBegin(1), clocks.mayBegin(2)]).toEqual([false, true]);
  clocks.finished(2);
  expect([clocks.mayBegin(1), clocks.mayBegin(2)]).toEqual([true, true]);
});

test('nobody waits for who is gone, and who comes is no slower than the slowest', () => {
  const clocks = new Clocks(0);
  for (const member of [1, 2]) clocks.enter(member);
  for (let i = 0; i < 3; i++) clocks.finished(1);
  expect(clocks.mayBegin(1)).toBe(false);
  clocks.leave(2);
  expect(clocks.mayBegin(1)).toBe(true);
  clocks.enter(3);
  expect([clocks.mayBegin(1), clocks.mayBegin(3)]).toEqual([true, true]);
});

test('without a bound nobody waits', () => {
  const clocks = new Clocks(Number.POSITIVE_INFINITY);
  for (const member of [1, 2]) clocks.enter(member);
  for (let i = 0; i < 100; i++) clocks.finished(1);
  expect(clocks.mayBegin(1)).toBe(true);
});
