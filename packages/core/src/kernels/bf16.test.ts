import { describe, expect, test } from 'vitest';
import { bitsOf, floats, run, sizes } from '../../../../test/support/kernel-cases.ts';
import { roundBf16 } from '../math/bf16.ts';
import { createHarness } from './kernel-harness.ts';

/** By the definition: of the two bfloat16 around x the nearer one, at the same distance the one with an even last bit. */
function nearest(x: number): number {
  const bits = new DataView(new ArrayBuffer(4));
  bits.setFloat32(0, x);
  const low = bits.getUint32(0) & 0xffff0000;
  const at = (word: number) => {
    bits.setUint32(0, word >>> 0);
    return bits.getFloat32(0);
  };
  const [below, above] = [at(low), at(low + 0x10000)];
  const [down, up] = [Math.abs(x - below), Math.abs(above - x)];
  if (down === up) return (low & 0x10000) === 0 ? below : above;
  return down < up ? below : above;
}

describe.each(sizes)('%i elements', (n) => {
  const [p, q] = [floats(n, 1), floats(n, 2, 300)];

  test('roundBf16', () => {
    const wanted = p.map(nearest);
    expect(run('roundBf16', n, (h, out) => [out, h.f32(p), n])).toEqual(wanted);
    expect(run('roundBf16', p, (_, out) => [out, out, n])).toEqual(wanted);
    expect(roundBf16(p.slice())).toEqual(wanted);
  });

  test('addIntoBf16', () => {
    const wanted = p.map((x, i) => nearest(Math.fround(x + q[i]!)));
    expect(run('addIntoBf16', p, (h, out) => [out, out, h.f32(q), n])).toEqual(wanted);
  });
});

test('ties go to the even neighbour, at the ends of the range too', () => {
  const words = [
    ...[0x3f808000, 0x3f818000, 0xbf808000, 0x3f807fff, 0x3f808001, 0x00008000, 0x00018000, 0x80000001, 0x80000000],
    ...[0x7f7f7fff, 0x7f7f8000, 0xff7fffff, 0x7f800000, 0xff800000],
  ];
  const rounded = [
    ...[0x3f800000, 0x3f820000, 0xbf800000, 0x3f800000, 0x3f810000, 0x00000000, 0x00020000, 0x80000000, 0x80000000],
    ...[0x7f7f0000, 0x7f800000, 0xff800000, 0x7f800000, 0xff800000],
  ];
  const x = new Float32Array(Uint32Array.from(words).buffer);
  const got = run('roundBf16', x.length, (h, out) => [out, h.f32(x), x.length]);
  expect(bitsOf(got)).toEqual(Uint32Array.from(rounded));
  expect(bitsOf(roundBf16(x.slice()))).toEqual(Uint32Array.from(rounded));
});

test('NaN stays NaN, whatever its lower half holds', () => {
  const h = createHarness();
  const x = h.i32([0x7f800001, 0x7fffffff, 0x7fc00000, -1, -0x7fffff, 0x7f80ffff, 0x7f808000, 0x7f818000, 0x7fa00000]);
  h.call('roundBf16', x, x, 9);
  const got = h.read(x, 9);
  expect(got.every(Number.isNaN)).toBe(true);
  expect(new Uint32Array(got.buffer, got.byteOffset, 9).every((word) => (word & 0xffff) === 0)).toBe(true);
  expect(roundBf16(new Float32Array(Uint32Array.of(0x7f800001, 0xffffffff).buffer)).every(Number.isNaN)).toBe(true);
});
