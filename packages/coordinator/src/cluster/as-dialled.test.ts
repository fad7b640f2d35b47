import { expect, test } from 'vitest';
import { asDialled } from './as-dialled.ts';

const own = '0.0.0.0:7000';
const [here, there] = [
  { member: 1, address: own },
  { member: 2, address: '10.0.0.6:7001' },
];

test('own threads are reached as the coordinator is, others at their address', () => {
  const work = asDialled({ case: 'work', value: { item: 3, shares: [here, there], owners: [there, here] } }, own);
  const dialled = { member: 1, address: '' };
  expect(work).toEqual({ case: 'work', value: { item: 3, shares: [dialled, there], owners: [there, dialled] } });
  expect(asDialled({ case: 'adopt', value: { item: 3, address: own } }, own).value).toEqual({ item: 3, address: '' });
});

test('other messages stay as they are', () => {
  const message = { case: 'alive', value: {} } as const;
  expect(asDialled(message, own)).toBe(message);
});
