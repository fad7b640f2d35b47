import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeVector, encodeVector, fromBf16, toBf16, vectorBytes } from './vector-format.ts';

/** Values as they are after a rounding kernel: the lower halves of their bits are 0. */
const rounded = (length: number, exactFrom: number) => {
  const bits = Uint32Array.from({ length }, (_, i) => Math.imul(i + 1, 0x9e3779b9) >>> 0);
  return new Float32Array(bits.map((word, i) => (i < exactFrom ? word & 0xffff0000 : word)).buffer);
};
const words = (vector: Float32Array) => [...new Uint32Array(vector.buffer, vector.byteOffset, vector.length)];

test('rounded values survive the way through bfloat16 with every bit, NaN and -0 included', () => {
  const values = new Float32Array([0, -0, 1, -1.5, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 2 ** -133]);
  const back = new Float32Array(values.length);
  fromBf16(toBf16(values), back);
  expect(words(back)).toEqual(words(values));
  const odd = Buffer.concat([Buffer.from([9]), toBf16(values)]).subarray(1);
  fromBf16(new Uint8Array(new Uint8Array([9, ...odd]).buffer, 1), back);
  expect(words(back)).toEqual(words(values));
});

test('a value that was not rounded is refused rather than changed', () => {
  expect(() => toBf16(new Float32Array([1, 1.001]))).toThrow('not rounded');
});

test('any cut of any slice of a half-rounded vector arrives with every bit', () => {
  fc.assert(
    fc.property(
      fc
        .nat(60)
        .chain((length) =>
          fc.tuple(fc.constant(length), fc.nat(length), fc.nat(length), fc.nat(length), fc.integer({ min: 1, max: 9 })),
        ),
      ([length, exactFrom, a, b, step]) => {
        const [from, to] = [Math.min(a, b), Math.max(a, b)];
        const format = { rounded: exactFrom };
        const vector = rounded(length, exactFrom);
        const back = new Float32Array(length);
        const bytes = vectorBytes(format, from, to);
        // Cuts between numbers: multiples of 4 from the end, or of 2 within the rounded part, are; 4 always is in one of both.
        const cuts = [0];
        for (let at = from + step; at < to; at += step) cuts.push(vectorBytes(format, from, at));
        cuts.push(bytes);
        for (let k = 1; k < cuts.length; k++) {
          const [start, end] = [cuts[k - 1] as number, cuts[k] as number];
          decodeVector(format, back, from, start, Uint8Array.from(encodeVector(format, vector, from, start, end)));
        }
        expect(words(back.subarray(from, to))).toEqual(words(vector.subarray(from, to)));
        expect(words(back.subarray(0, from)).every((word) => word === 0)).toBe(true);
      },
    ),
  );
});

test('chunks that end within a number are refused', () => {
  const vector = new Float32Array(4);
  expect(() => decodeVector({ rounded: 2 }, vector, 0, 0, new Uint8Array(3))).toThrow('within a number');
  expect(() => decodeVector({ rounded: 0 }, vector, 0, 0, new Uint8Array(6))).toThrow('within a number');
});
