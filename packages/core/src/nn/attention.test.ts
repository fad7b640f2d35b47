import { describe, expect, test } from 'vitest';
import { ShapeError, UsageError } from '../errors.ts';
import type { Tensor } from '../graph/tensor.ts';
import * as ops from '../ops/index.ts';
import { evaluateTensors } from '../program/evaluate-tensors.ts';
import { RandomStream } from '../random/stream.ts';
import { sampleTensor } from '../testing/check-gradient.ts';
import { withFixedParameters } from '../testing/fixed-parameters.ts';
import * as nn from './index.ts';

const valuesOf = (...tensors: Tensor[]): Float32Array[] => evaluateTensors(tensors) as Float32Array[];
const names = (module: nn.Module): string[] => [...module.namedParameters()].map(([name]) => name);

function expectSame(a: Float32Array, b: Float32Array): void {
  expect(a.length).toBe(b.length);
  a.forEach((x, i) => {
    expect(Math.abs(x - (b[i] as number)), `element ${i}`).toBeLessThan(2e-5);
  });
}

const i32 = (values: number[], shape: number[]) => ops.tensor(values, { shape, dtype: 'i32' });
const [x, memory] = [sampleTensor([2, 5, 8], 1), sampleTensor([2, 7, 8], 2)];

describe('MultiheadAttention', () => {
  test("has PyTorch's parameters", () => {
    expect(names(new nn.MultiheadAttention(8, 2))).toEqual([
      'inProjWeight',
      'inProjBias',
      'outProj.weight',
      'outProj.bias',
    ]);
    expect(names(new nn.MultiheadAttention(8, 2, { kdim: 6, bias: false }))).toEqual([
      'qProjWeight',
      'kProjWeight',
      'vProjWeight',
      'outProj.weight',
    ]);
    const { inProjWeight, inProjBias } = new nn.MultiheadAttention(8, 2);
    const start = new Float32Array(24 * 8);
    inProjWeight?.initializer(start, new RandomStream([1, 2], 3), inProjWeight.shape as number[]);
    const bound = Math.sqrt(6 / (24 + 8));
    expect(Math.max(...start.map(Math.abs))).toBeLessThanOrEqual(Math.fround(bound));
    expect(Math.max(...start.map(Math.abs))).toBeGreaterThan(0.95 * bound);
    expect(inProjBias?.shape).toEqual([24]);
  });

  test('self-attention from one projection is attention from three', () => {
    const layer = withFixedParameters(new nn.MultiheadAttention(8, 2));
    // another tensor of the same values, so that the layer does not see that they are the same
    const again = sampleTensor([2, 5, 8], 1);
    const mask = { isCausal: true, keyPaddingMask: i32([0, 0, 0, 1, 0, 0, 0, 0, 0, 1], [2, 5]) };
    const [one, three] = valuesOf(layer.forward(x, x, x, mask), layer.forward(x, again, again, mask));
    expectSame(one as Float32Array, three as Float32Array);
  });

  test('keys and values of other widths', () => {
    const layer = withFixedParameters(new nn.MultiheadAttention(8, 4, { kdim: 6, vdim: 3 }));
    expect(layer.forward(x, sampleTensor([2, 7, 6], 3), sampleTensor([2, 7, 3], 4)).shape).toEqual([2, 5, 8]);
  });

  test("attnMask hides, as PyTorch's does", () => {
    const layer = withFixedParameters(new nn.MultiheadAttention(8, 2));
    const future = i32(
      Array.from({ length: 25 }, (_, i) => (i % 5 > Math.floor(i / 5) ? 1 : 0)),
      [5, 5],
    );
    const [masked, causal] = valuesOf(
      layer.forward(x, x, x, { attnMask: future }),
      layer.forward(x, x, x, { isCausal: true }),
    );
    expectSame(masked as Float32Array, causal as Float32Array);
  });

  test('bad input', () => {
    expect(() => new nn.MultiheadAttention(10, 3)).toThrow(UsageError);
    expect(() => new nn.MultiheadAttention(10, 3)).toThrow(/embedDim 10 is not a multiple of 3 heads/);
    expect(() => new nn.MultiheadAttention(10, 0)).toThrow(/not a multiple of 0 heads/);
    const layer = withFixedParameters(new nn.MultiheadAttention(8, 2));
    expect(() => layer.forward(sampleTensor([5, 8], 1))).toThrow(/give \[batch, tokens, width\], not \[5, 8\]/);
    expect(() => layer.forward(x, x, x, { attnMask: sampleTensor([5, 5], 1) })).toThrow(
      /attnMask must be i32 or u8, not f32/,
    );
    expect(() => layer.forward(x, x, x, { keyPaddingMask: i32([1, 0], [2, 1]) })).toThrow(/keyPaddingMask \[2, 1\]/);
    expect(() => layer.forward(x, x, x, { window: 0 })).toThrow(/window must be a whole number of at least 1/);
    expect(() => layer.forward(x, sampleTensor([2, 7, 6], 1))).toThrow(ShapeError);
  });
});

test('additive attention is its formula', () => {
  const layer = withFixedParameters(new nn.AdditiveAttention(8, 6, 3));
  const [keys, padding] = [sampleTensor([2, 7, 6], 4), i32([...Array<number>(12).fill(0), 1, 1], [2, 7])];
  const [got, weights, w, u, v] = valuesOf(
    layer.forward(x, keys, keys, { keyPaddingMask: padding }),
    layer.attentionWeights(x, keys, { keyPaddingMask: padding }),
    layer.query.weight,
    layer.key.weight,
    layer.energy.weight,
  ) as [Float32Array, Float32Array, Float32Array, Float32Array, Float32Array];
  const [q, k] = valuesOf(x, keys) as [Float32Array, Float32Array];
  const dot = (a: Float32Array, i: number, b: Float32Array, j: number, n: number) =>
    Array.from({ length: n }, (_, e) => (a[i + e] as number) * (b[j + e] as number)).reduce((s, t) => s + t, 0);
  const expected = new Float32Array(2 * 5 * 7);
  for (let b = 0; b < 2; b++)
    for (let i = 0; i < 5; i++) {
      const energies = Array.from({ length: b === 1 ? 5 : 7 }, (_, j) =>
        [0, 1, 2].reduce((s, h) => {
          const sum = dot(w, 8 * h, q, 8 * (5 * b + i), 8) + dot(u, 6 * h, k, 6 * (7 * b + j), 6);
          return s + (v[h] as number) * Math.tanh(sum);
        }, 0),
      ).map(Math.exp);
      const total = energies.reduce((s, e) => s + e, 0);
      energies.forEach((e, j) => {
        expected[7 * (5 * b + i) + j] = e / total;
      });
    }
  expectSame(weights, expected);
  const [product] = valuesOf(ops.tensor(expected, { shape: [2, 5, 7] }).matmul(keys));
  expectSame(got, product as Float32Array);
});

describe('LuongAttention', () => {
  test.each([
    ['dot', 'global'],
    ['dot', 'local-m'],
    ['concat', 'global'],
    ['concat', 'local-m'],
    ['concat', 'local-p'],
  ] as const)('%s, %s: its weights make its output', (score, align) => {
    const layer = withFixedParameters(
      new nn.LuongAttention(8, { score, align, ...(align !== 'global' && { window: 2 }) }),
    );
    const mask = { keyPaddingMask: i32([...Array<number>(12).fill(0), 1, 1], [2, 7]) };
    const weights = layer.attentionWeights(x, memory, mask);
    const context = ops.concat([weights.matmul(memory), x], 2);
    const [got, expected, w] = valuesOf(
      layer.forward(x, memory, mask),
      layer.combine.forward(context).tanh(),
      weights,
    ) as [Float32Array, Float32Array, Float32Array];
    expectSame(got, expected);
    w.forEach((weight, i) => {
      const [s, t] = [i % 7, Math.floor(i / 7) % 5];
      const visible = !(i >= 35 && s > 4) && !(align === 'local-m' && Math.abs(s - t) > 2);
      expect(weight > 0, `weight ${i}`).toBe(visible);
    });
  });

  test('a predicted place never lies in the padding', () => {
    const layer = withFixedParameters(new nn.LuongAttention(8, { align: 'local-p', window: 2 }));
    layer.place = { forward: (h: Tensor) => h.sum(-1, true).mul(0).add(100) } as never;
    const padding = { keyPaddingMask: i32([0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0], [2, 7]) };
    const equalScores = sampleTensor([2, 7, 8], 2).mul(0);
    const [w] = valuesOf(layer.attentionWeights(x, equalScores, padding)) as [Float32Array];
    // sigmoid(100) = 1: the place is the sentence's end, position 3 of 3 words or 7 of 7; sigma is 1
    expect(w[2]).toBeCloseTo(Math.exp(-1 / 2) / 3, 5);
    expect(w[35 + 6]).toBeCloseTo(Math.exp(-1 / 2) / 7, 5);
  });

  test('windows that are missing, too small or without use', () => {
    expect(() => new nn.LuongAttention(8, { align: 'local-m' })).toThrow(
      /local-m needs a window of at least 1, not undefined/,
    );
    expect(() => new nn.LuongAttention(8, { align: 'local-p', window: 0 })).toThrow(/at least 1, not 0/);
    expect(() => new nn.LuongAttention(8, { window: 2 })).toThrow(/a window needs align "local-m" or "local-p"/);
  });
});

describe('sinusoids', () => {
  test('sine and cosine of each position at each wavelength', () => {
    const values = nn.sinusoids(50, 6);
    expect([...values.subarray(0, 6)]).toEqual([0, 1, 0, 1, 0, 1]);
    for (const position of [1, 17, 49])
      for (const i of [0, 2, 4]) {
        const angle = position / 10000 ** (i / 6);
        expect(values[position * 6 + i]).toBeCloseTo(Math.sin(angle), 6);
        expect(values[position * 6 + i + 1]).toBeCloseTo(Math.cos(angle), 6);
      }
  });

  test('the layer adds them', () => {
    const [got] = valuesOf(new nn.PositionalEncoding(8).forward(x)) as [Float32Array];
    const [before] = valuesOf(x) as [Float32Array];
    const sines = nn.sinusoids(5, 8);
    expectSame(
      got,
      before.map((value, i) => value + (sines[i % 40] as number)),
    );
  });

  test('odd widths and other shapes', () => {
    expect(() => nn.sinusoids(3, 5)).toThrow(/width 5 must be even/);
    expect(() => new nn.PositionalEncoding(7)).toThrow(/width 7 must be even/);
    expect(() => new nn.PositionalEncoding(6).forward(x)).toThrow(/give \[batch, tokens, 6\], not \[2, 5, 8\]/);
  });
});

describe('transformer layers', () => {
  const small = { dimFeedforward: 12, dropout: 0 };

  test("have PyTorch's parameters", () => {
    const of = (part: string, ...kinds: string[]) => kinds.map((kind) => `${part}.${kind}`);
    const attention = (part: string) => of(part, 'inProjWeight', 'inProjBias', 'outProj.weight', 'outProj.bias');
    const both = (...parts: string[]) => parts.flatMap((part) => of(part, 'weight', 'bias'));
    expect(names(new nn.TransformerEncoderLayer(8, 2)).sort()).toEqual(
      [...attention('selfAttn'), ...both('linear1', 'linear2', 'norm1', 'norm2')].sort(),
    );
    expect(names(new nn.TransformerDecoderLayer(8, 2)).sort()).toEqual(
      [
        ...attention('selfAttn'),
        ...attention('multiheadAttn'),
        ...both('linear1', 'linear2', 'norm1', 'norm2', 'norm3'),
      ].sort(),
    );
    const stack = new nn.TransformerEncoder(() => new nn.TransformerEncoderLayer(8, 2), 3, new nn.LayerNorm(8));
    expect(stack.parameters()).toHaveLength(3 * 12 + 2);
    expect(names(stack)).toContain('layers.2.selfAttn.inProjWeight');
    expect(new nn.TransformerEncoderLayer(8, 2).linear1.weight.shape).toEqual([2048, 8]);
  });

  test.each([true, false])('a decoder layer is its formula, normFirst %s', (normFirst) => {
    const layer = withFixedParameters(
      new nn.TransformerDecoderLayer(8, 2, { ...small, normFirst, activation: 'gelu' }),
    );
    const feedForward = (y: Tensor) => layer.linear2.forward(layer.linear1.forward(y).gelu());
    const add = (y: Tensor, norm: nn.LayerNorm, f: (y: Tensor) => Tensor) =>
      normFirst ? y.add(f(norm.forward(y))) : norm.forward(y.add(f(y)));
    const a = add(x, layer.norm1, (y) => layer.selfAttn.forward(y, y, y, { isCausal: true }));
    const b = add(a, layer.norm2, (y) => layer.multiheadAttn.forward(y, memory));
    const [got, expected] = valuesOf(layer.forward(x, memory), add(b, layer.norm3, feedForward));
    expectSame(got as Float32Array, expected as Float32Array);
  });

  test('a decoder does not see what comes later, unless told', () => {
    const layer = () => withFixedParameters(new nn.TransformerDecoderLayer(8, 2, small));
    const decoder = new nn.TransformerDecoder(layer, 2, withFixedParameters(new nn.LayerNorm(8)));
    const changed = ops.concat([x.slice(1, 0, 3), sampleTensor([2, 2, 8], 9)], 1);
    const [a, b, c, d] = valuesOf(
      decoder.forward(x, memory).slice(1, 0, 3),
      decoder.forward(changed, memory).slice(1, 0, 3),
      decoder.forward(x, memory, { tgt: { isCausal: false } }).slice(1, 0, 3),
      decoder.forward(changed, memory, { tgt: { isCausal: false } }).slice(1, 0, 3),
    );
    expect(a).toEqual(b);
    expect(c).not.toEqual(d);
  });

  test('an activation that does not exist', () => {
    expect(() => new nn.TransformerEncoderLayer(8, 2, { activation: 'tanh' as never })).toThrow(
      /activation must be "relu", "gelu" or a function, not "tanh"/,
    );
  });
});
