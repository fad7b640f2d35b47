import { expect, test } from 'vitest';
import { UsageError } from '../errors.ts';
import type { Tensor } from '../graph/tensor.ts';
import { tensor } from '../ops/index.ts';
import { evaluateTensors } from '../program/evaluate-tensors.ts';
import * as nn from './index.ts';

const values = [-3, -0.5, 0, 0.25, 2];
const applied = (layer: { forward(x: Tensor): Tensor }): number[] => [
  ...(evaluateTensors([layer.forward(tensor(values))])[0] as Float32Array),
];
const total = values.reduce((sum, x) => sum + Math.exp(x), 0);

test.each<[string, { forward(x: Tensor): Tensor }, (x: number) => number]>([
  ['Identity', new nn.Identity(), (x) => x],
  ['ReLU', new nn.ReLU(), (x) => Math.max(x, 0)],
  ['Sigmoid', new nn.Sigmoid(), (x) => 1 / (1 + Math.exp(-x))],
  ['Tanh', new nn.Tanh(), Math.tanh],
  ['SiLU', new nn.SiLU(), (x) => x / (1 + Math.exp(-x))],
  ['LeakyReLU', new nn.LeakyReLU(), (x) => (x < 0 ? 0.01 * x : x)],
  ['LeakyReLU with a slope', new nn.LeakyReLU(0.25), (x) => (x < 0 ? 0.25 * x : x)],
  ['ELU', new nn.ELU(), (x) => (x < 0 ? Math.expm1(x) : x)],
  ['ELU with alpha', new nn.ELU(2), (x) => (x < 0 ? 2 * Math.expm1(x) : x)],
  [
    'GELU by tanh',
    new nn.GELU({ approximate: 'tanh' }),
    (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  ],
  ['Softplus', new nn.Softplus(), (x) => Math.log1p(Math.exp(x))],
  ['Softplus with beta', new nn.Softplus({ beta: 3 }), (x) => Math.log1p(Math.exp(3 * x)) / 3],
  ['Softmax', new nn.Softmax(), (x) => Math.exp(x) / total],
  ['LogSoftmax', new nn.LogSoftmax(0), (x) => x - Math.log(total)],
])('%s', (_, layer, formula) => {
  const got = applied(layer);
  values.forEach((x, i) => {
    expect(got[i]).toBeCloseTo(formula(x), 5);
  });
});

test('the two forms of GELU differ', () => {
  expect(applied(new nn.GELU())).not.toEqual(applied(new nn.GELU({ approximate: 'tanh' })));
});

test('Flatten', () => {
  const x = tensor(new Float32Array(120), { shape: [2, 3, 4, 5] });
  expect(new nn.Flatten().forward(x).shape).toEqual([2, 60]);
  expect(new nn.Flatten(0).forward(x).shape).toEqual([120]);
  expect(new nn.Flatten(1, 2).forward(x).shape).toEqual([2, 12, 5]);
  expect(new nn.Flatten(-2).forward(x).shape).toEqual([2, 3, 20]);
  expect(() => new nn.Flatten(2, 1).forward(x)).toThrow(/dimension 2 lies behind 1 in \[2, 3, 4, 5\]/);
  expect(() => new nn.Flatten(4).forward(x)).toThrow(/axis 4 is outside of \[2, 3, 4, 5\]/);
});

test.each([
  [() => new nn.LeakyReLU(Number.NaN), /LeakyReLU: negativeSlope must be a finite number, not NaN/],
  [() => new nn.ELU(Number.POSITIVE_INFINITY), /ELU: alpha must be a finite number/],
  [() => new nn.Softplus({ beta: 0 }), /beta must not be 0/],
  [() => new nn.GELU({ approximate: 'erf' as 'none' }), /approximate must be "none" or "tanh", not "erf"/],
])('bad options %#', (make, message) => {
  expect(make).toThrow(UsageError);
  expect(make).toThrow(message);
});
