import type { FieldSpec } from '@lockstep/core/internal';
import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { describe, expect, test } from 'vitest';
import { decodeBatch, encodeBatch } from './batch.ts';
import { checkMsgpack } from './msgpack-shape.ts';

const fields: FieldSpec[] = [
  { name: 'image', dtype: 'f32', shape: [2, 3] },
  { name: 'label', dtype: 'i32', shape: [] },
  { name: 'mask', dtype: 'u8', shape: [5] },
];
const arrays = (rows: number) => ({
  image: new Float32Array(rows * 6),
  label: new Int32Array(rows),
  mask: new Uint8Array(rows * 5),
});
const filled = (rows: number) => ({
  image: Float32Array.from({ length: rows * 6 }, (_, i) => Math.fround(Math.sqrt(i))),
  label: Int32Array.from({ length: rows }, (_, i) => -i),
  mask: Uint8Array.from({ length: rows * 5 }, (_, i) => i),
});

test('samples arrive with every bit, wherever their bytes lie', () => {
  for (const rows of [1, 7, 300]) {
    const bytes = encodeBatch(fields, rows, filled(rows));
    for (const shift of [0, 1, 2, 3]) {
      const shifted = new Uint8Array(bytes.length + shift).subarray(shift);
      shifted.set(bytes);
      const into = arrays(rows);
      decodeBatch(shifted, fields, rows, into);
      expect(into).toEqual(filled(rows));
    }
  }
});

test('rows of a larger array are written in place', () => {
  const whole = arrays(10);
  const rows = {
    image: whole.image.subarray(18, 30),
    label: whole.label.subarray(3, 5),
    mask: whole.mask.subarray(15, 25),
  };
  decodeBatch(encodeBatch(fields, 2, filled(2)), fields, 2, rows);
  expect([...whole.label]).toEqual([0, 0, 0, 0, -1, 0, 0, 0, 0, 0]);
});

describe('refused', () => {
  const packr = new Packr({ useRecords: false });
  const good = () => ({
    image: { dtype: 'f32', shape: [1, 2, 3], bytes: Buffer.alloc(24) },
    label: { dtype: 'i32', shape: [1], bytes: Buffer.alloc(4) },
    mask: { dtype: 'u8', shape: [1, 5], bytes: Buffer.alloc(5) },
  });
  const pack = (change: object) => packr.pack({ ...good(), ...change });
  const read = (bytes: Uint8Array) => decodeBatch(bytes, fields, 1, arrays(1));

  test.each<[string, Uint8Array, RegExp]>([
    ['a missing field', packr.pack({ image: good().image, label: good().label }), /other fields/],
    ['a field too many', pack({ extra: 1 }), /other fields/],
    ['another name', packr.pack({ image: good().image, label: good().label, msk: good().mask }), /lacks field "mask"/],
    ['another dtype', pack({ label: { ...good().label, dtype: 'f32' } }), /is f32 \[1\], not i32 \[1\]/],
    ['another shape', pack({ image: { ...good().image, shape: [1, 3, 2] } }), /not f32 \[1,2,3\]/],
    ['too many rows', pack({ label: { ...good().label, shape: [2] } }), /not i32 \[1\]/],
    ['too few bytes', pack({ mask: { ...good().mask, bytes: Buffer.alloc(4) } }), /has 4 bytes, not 5/],
    ['text for bytes', pack({ mask: { ...good().mask, bytes: 'abcde' } }), /bytes, not 5/],
    ['a number for a field', pack({ mask: 5 }), /lacks field/],
    ['a date (extension)', pack({ mask: new Date(0) }), /something else than/],
    ['an error (extension)', new Packr({ moreTypes: true }).pack(new Error('x')), /something else than/],
    ['a set (extension)', new Packr({ moreTypes: true }).pack(new Set([1])), /something else than/],
    ['records (extension)', new Packr({ useRecords: true }).pack(good()), /something else than/],
    ['bytes behind the end', Buffer.concat([pack({}), Buffer.from([0])]), /behind its end/],
    ['bytes cut off', pack({}).subarray(0, -1), /ends too early/],
    ['nothing', new Uint8Array(), /ends too early/],
    ['a bin of 4 GiB', Buffer.from([0xc6, 0xff, 0xff, 0xff, 0xff, 0]), /ends too early/],
    [
      'an array of 4 G',
      Buffer.concat([Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff]), Buffer.alloc(20_000)]),
      /too many parts/,
    ],
    ['a map of 4 G', Buffer.from([0xdf, 0xff, 0xff, 0xff, 0xff]), /ends too early/],
    ['nesting without end', Buffer.alloc(100_000, 0x91), /nested too deep/],
  ])('%s', (_, bytes, reason) => {
    expect(() => read(bytes)).toThrow(reason);
  });

  test('any bytes end in a sentence or are msgpack', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        try {
          checkMsgpack(bytes);
        } catch (error) {
          expect(error).toMatchObject({ code: 'JOB_REFUSED' });
        }
      }),
    );
  });
});
