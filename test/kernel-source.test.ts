import { expect, test } from 'vitest';
import { productsFirst } from '../scripts/products-first.ts';
import { unrolled } from '../scripts/unrolled.ts';

const text = (...lines: string[]): string => lines.join('\n');

test('the products of a row come before its sums; other rows and lines stay', () => {
  const source = text(
    '  c0 = f32x4.add(c0, f32x4.mul(x, b0));',
    '  c1 = f32x4.add(c1, f32x4.mul(x, b1));',
    '  d0 = f32x4.add(d0, f32x4.mul(y, b0));',
    '  e = f32x4.add(c1, f32x4.mul(y, b0));',
  );
  expect(productsFirst(source)).toBe(
    text(
      '  const product0 = f32x4.mul(x, b0);',
      '  const product1 = f32x4.mul(x, b1);',
      '  c0 = f32x4.add(c0, product0);',
      '  c1 = f32x4.add(c1, product1);',
      '  d0 = f32x4.add(d0, f32x4.mul(y, b0));',
      '  e = f32x4.add(c1, f32x4.mul(y, b0));',
    ),
  );
});

/** What a loop reads, in order: runs the source with loads that note their address. */
function reads(source: string, k: number): string[] {
  const seen: string[] = [];
  const v128 = {
    load: (at: number, offset = 0) => void seen.push(`b${at + offset}`),
    load32_splat: (at: number, offset = 0) => void seen.push(`a${at + offset}`),
  };
  const script = source.replaceAll(': usize', '');
  new Function('v128', 'k', `let a = 1000; let b = 5000; let end = a + k * 16;\n${script}`)(v128, k);
  return seen;
}

const body = text('  const y = v128.load(b, 16);', '  const x = v128.load32_splat(a, 4);', '  a += 16;', '  b += 64;');

test.each(['for (const end = a + k * 16; a < end; ) {', 'while (a < end) {'])(
  '%s reads the same when unrolled',
  (head) => {
    const loop = (mark: string): string => text('{', mark, head, body, '}', '}');
    for (let k = 1; k < 14; k++) expect(reads(unrolled(loop('// unrolled 4')), k)).toEqual(reads(loop(''), k));
  },
);

test('a loop without a step of its pointer is refused', () => {
  const source = text('// unrolled 2', 'while (a < end) {', '  const y = v128.load(b);', '}');
  expect(() => unrolled(source)).toThrow('ends with the step of a');
});
