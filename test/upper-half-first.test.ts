import { expect, it } from 'vitest';
import { upperHalfFirst } from '../scripts/upper-half-first.ts';

const turned = (...lines: string[]) => upperHalfFirst(lines.join('\n')).split('\n');

it('turns the two halves of 32 bytes round, and nothing else', () => {
  const four = [
    '  v128.store(c, x0);',
    '  v128.store(c, x1, 16);',
    '  v128.store(c, x2, 32);',
    '  v128.store(c, x3, 48);',
  ];
  expect(turned(...four)).toEqual([four[1], four[0], four[3], four[2]]);
  const masked = ['if (on) v128.store(p, f(a, 1));', 'if (on) v128.store(p, f(a, 2), 16);'];
  expect(turned(...masked)).toEqual([masked[1], masked[0]]);
});

it.each([
  ['another pointer', ['v128.store(c, x0);', 'v128.store(d, x1, 16);']],
  ['another condition', ['if (on) v128.store(c, x0);', 'v128.store(c, x1, 16);']],
  ['no neighbours', ['v128.store(c, x0);', 'v128.store(c, x1, 32);']],
  ['across two pairs', ['v128.store(c, x0, 16);', 'v128.store(c, x1, 32);']],
  ['an offset that is computed', ['v128.store(c, x0);', 'v128.store(c, x1, at);']],
])('leaves stores alone: %s', (_, lines) => {
  expect(turned(...lines)).toEqual(lines);
});
