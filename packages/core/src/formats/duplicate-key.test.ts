import fc from 'fast-check';
import { expect, test } from 'vitest';
import { duplicateKey } from './duplicate-key.ts';

test.each([
  ['{"a": 1, "a": 2}', 'a'],
  ['{"a": 1, "\\u0061" : 2}', 'a'],
  ['{"x": {"b": [{"c": 1, "d": "c", "c": 2}]}}', 'c'],
  ['{"__proto__": 1, "__proto__": 2}', '__proto__'],
  ['{"": 1, "\\"": 2, "\\\\": 3, "":4}', ''],
])('%s repeats "%s"', (json, key) => expect(duplicateKey(json)).toBe(key));

test.each(['{}', '[]', '"a"', '{"a": {"a": {"a": "a"}}, "b": ["a", "a"]}', '{"a": "}{", "b": "\\"a\\":"}'])(
  '%s repeats none',
  (json) => expect(duplicateKey(json)).toBeUndefined(),
);

test('what JSON.stringify writes repeats no key', () => {
  fc.assert(fc.property(fc.json(), (json) => duplicateKey(json) === undefined));
});
