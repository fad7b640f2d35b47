import { create } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  AttributeSchema,
  AttributesSchema,
  NumbersSchema,
  ValueSchema,
  ValuesSchema,
} from '../gen/lockstep/v1/program_pb.ts';
import { decode, encode } from '../grpc/codec.ts';
import { fromAttributes, type Plain, type PlainRecord, toAttributes } from './attributes.ts';
import { decodeJob } from './encode-job.ts';

const name = fc.stringMatching(/^[a-z][a-zA-Z0-9_]{0,8}$/).filter((text) => !(text in Object.prototype));
const plain = fc.letrec<{ value: Plain }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constant(null),
    fc.boolean(),
    fc.double(),
    fc.string(),
    fc.array(fc.double()),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(name, tie('value'), { maxKeys: 4, noNullPrototype: true }),
  ),
})).value;

test('attributes survive the wire with every bit, NaN, -0 and infinities included', () => {
  fc.assert(
    fc.property(fc.dictionary(name, plain, { maxKeys: 5, noNullPrototype: true }), (attributes) => {
      const message = create(AttributesSchema, { entries: toAttributes(attributes as PlainRecord) });
      const back = decode(AttributesSchema, encode(AttributesSchema, message), 40);
      const entries = 'entries' in back ? back.entries : [];
      // toEqual tells -0 from 0.
      expect(fromAttributes(entries, 'an attribute')).toEqual(attributes);
    }),
  );
});

test('an attribute called __proto__ changes no prototype', () => {
  const value = create(ValueSchema, { kind: { case: 'numbers', value: create(NumbersSchema, { values: [1] }) } });
  for (const hostile of ['__proto__', 'constructor', 'toString'])
    expect(() => fromAttributes([create(AttributeSchema, { name: hostile, value })], 'an attribute')).toThrow(
      `may not be called "${hostile}"`,
    );
  expect(({} as Record<string, unknown>)[0]).toBeUndefined();
});

test('attributes nested without end are refused', () => {
  let value = create(ValueSchema, { kind: { case: 'null', value: true } });
  for (let depth = 0; depth < 200; depth++)
    value = create(ValueSchema, { kind: { case: 'list', value: create(ValuesSchema, { values: [value] }) } });
  const bytes = encode(
    AttributesSchema,
    create(AttributesSchema, { entries: [create(AttributeSchema, { name: 'a', value })] }),
  );
  expect(decode(AttributesSchema, bytes, 40)).toHaveProperty('typeName');
});

test('bytes that are no job end in one sentence, whatever they are', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expect(() => decodeJob(bytes, 2 ** 30)).toThrow(expect.objectContaining({ code: 'JOB_REFUSED' }));
    }),
  );
});
