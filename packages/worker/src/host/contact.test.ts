import { expect, test } from 'vitest';
import { Contact } from './contact.ts';

const minute = 60_000;

/** What people read, of a worker that tries for 10 s at first and gives up after half an hour. */
function bench() {
  const said: string[] = [];
  const options = {
    ...{ firstMs: 10_000, giveUpMs: 30 * minute, say: (text: string) => void said.push(text) },
    why: async () => 'nobody listens there',
  };
  return { said, contact: new Contact(options, 0) };
}
/** One that was reached, at its start. */
function joined() {
  const { said, contact } = bench();
  contact.welcomed();
  contact.ready();
  return { said, contact };
}
const settled = () => new Promise((resolve) => setImmediate(resolve));

test('who was never answered stops after the first wait, and says nothing before', () => {
  const { said, contact } = bench();
  expect(contact.lost('refused', 'lost', 9000)).toBe('dial');
  expect(contact.lost('refused', 'lost', 10_001)).toBe('first');
  expect(said).toEqual([]);
});

test('a lost connection is told at once, then once a minute with what is found there, and when it is back', async () => {
  const { said, contact } = joined();
  contact.lost('reset', 'lost', 5 * minute);
  for (let ms = 5 * minute; ms < 7.5 * minute; ms += 10_000) {
    expect(contact.lost('refused', 'lost', ms)).toBe('dial');
    await settled();
  }
  contact.welcomed();
  contact.ready();
  contact.given();
  expect(said).toEqual([
    'joined the run',
    'connection lost (reset); dialling again',
    'no connection for 60 s (nobody listens there); dialling again',
    'no connection for 2 min (nobody listens there); dialling again',
    'joined again',
  ]);
});

test('it gives up when there was no connection for so long', () => {
  const { contact } = joined();
  contact.lost('reset', 'lost', 60 * minute);
  expect(contact.lost('refused', 'lost', 89 * minute)).toBe('dial');
  expect(contact.lost('refused', 'lost', 91 * minute)).toBe('lost');
  expect(contact.awayMs(91 * minute)).toBe(31 * minute);
});

test('who is turned away each time says why once, has not joined before it is given something, and gives up as well', () => {
  const { said, contact } = joined();
  const again = (ms: number) => {
    contact.welcomed();
    contact.ready();
    return contact.lost('Worker w cannot be reached.', 'later', ms);
  };
  for (const ms of [1000, 2000, 4000]) expect(again(ms)).toBe('dial');
  expect(said).toEqual(['joined the run', 'turned away: Worker w cannot be reached; dialling again']);
  contact.ready();
  contact.given();
  expect(said.at(-1)).toBe('joined again');
  const other = bench().contact;
  other.welcomed();
  expect(other.lost('Worker w cannot be reached.', 'later', 31 * minute)).toBe('lost');
});

test('who waits for work for long after it was turned away has been connected', () => {
  const { contact } = joined();
  contact.lost('Worker w cannot be reached.', 'later', 1000);
  contact.ready();
  expect(contact.lost('reset', 'lost', 90 * minute)).toBe('dial');
});
