import { train } from '@lockstep/coordinator';
import { data, defineJob, loss, ManualOptimizer, nn, optim, type Tensor } from '@lockstep/core';
import { describe, expect, test } from 'vitest';
import { floats } from './support/kernel-cases.ts';
import type { Formula } from './support/optimizer-formulas.ts';
import * as formulas from './support/optimizer-formulas.ts';

// Every optimizer through the whole engine, against its formula in float64 with the gradient of a linear model by hand.

const [samples, inputs, outputs, steps] = [8, 96, 90, 6];
const x = floats(samples * inputs, 1, 1);
const target = floats(samples * outputs, 2, 3);
// Three blocks of the flat vector, so that each of three threads owns one.
const start = { weight: floats(outputs * inputs, 3, 0.3), bias: floats(outputs, 4, 0.3) };

class Given extends nn.Module {
  layer = new nn.Linear(inputs, outputs);
  constructor() {
    super();
    this.layer.weight = new nn.Parameter([outputs, inputs], (into) => into.set(start.weight));
    this.layer.bias = new nn.Parameter([outputs], (into) => into.set(start.bias));
  }
  forward(input: Tensor): Tensor {
    return this.layer.forward(input);
  }
}

const jobWith = (optimizer: optim.Optimizer) =>
  defineJob({
    name: 'optimizers',
    data: () => ({
      train: data.arrays({ x: { data: x, shape: [samples, inputs] }, y: { data: target, shape: [samples, outputs] } }),
    }),
    model: () => new Given(),
    batch: { size: samples, shards: 3 },
    steps,
    optimizer,
    step: ({ model, batch }) => ({ loss: loss.mse(model.forward(batch.x), batch.y) }),
  });

/** Gradients of the mean of (x W^T + b - y)^2 over all elements. */
function gradients(weight: readonly number[], bias: readonly number[]): { weight: number[]; bias: number[] } {
  const result = { weight: weight.map(() => 0), bias: bias.map(() => 0) };
  for (let n = 0; n < samples; n++) {
    for (let o = 0; o < outputs; o++) {
      let y = bias[o] as number;
      for (let i = 0; i < inputs; i++) y += (x[n * inputs + i] as number) * (weight[o * inputs + i] as number);
      const error = (2 * (y - (target[n * outputs + o] as number))) / (samples * outputs);
      result.bias[o]! += error;
      for (let i = 0; i < inputs; i++) result.weight[o * inputs + i]! += error * (x[n * inputs + i] as number);
    }
  }
  return result;
}

/** Weights after all steps, by formula. */
function byHand(formulaOf: (name: 'weight' | 'bias') => Formula): { weight: number[]; bias: number[] } {
  let values = { weight: Array.from(start.weight), bias: Array.from(start.bias) };
  const kept = {
    weight: values.weight.map((): readonly number[] => []),
    bias: values.bias.map((): readonly number[] => []),
  };
  for (let t = 1; t <= steps; t++) {
    const gradient = gradients(values.weight, values.bias);
    const updated = (name: 'weight' | 'bias') =>
      values[name].map((w, i) => {
        const next = formulaOf(name)(w, gradient[name][i] as number, kept[name][i] as readonly number[], t);
        kept[name][i] = next.kept;
        return next.w;
      });
    values = { weight: updated('weight'), bias: updated('bias') };
  }
  return values;
}

const nesterov = { lr: 5, momentum: 0.9, weightDecay: 0.01, nesterov: true } as const;
const cases: readonly [string, optim.Optimizer, (name: 'weight' | 'bias') => Formula][] = [
  ['sgd', optim.sgd({ lr: 10 }), () => formulas.sgd({ lr: 10 })],
  ['sgd, Nesterov', optim.sgd(nesterov), () => formulas.sgd(nesterov)],
  ['adam', optim.adam({ lr: 0.01 }), () => formulas.adam({ lr: 0.01, betas: [0.9, 0.999], eps: 1e-8 })],
  [
    'adam, AMSGrad',
    optim.adam({ lr: 0.01, betas: [0.5, 0.5], amsgrad: true }),
    () => formulas.adam({ lr: 0.01, betas: [0.5, 0.5], eps: 1e-8, amsgrad: true }),
  ],
  [
    'adamW',
    optim.adamW({ lr: 0.01, weightDecay: 0.2 }),
    () => formulas.adam({ lr: 0.01, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0.2, decoupled: true }),
  ],
  ['adagrad', optim.adagrad({ lrDecay: 0.1 }), () => formulas.adagrad({ lr: 0.01, lrDecay: 0.1, eps: 1e-10 })],
  ['adadelta', optim.adadelta(), () => formulas.adadelta({ lr: 1, rho: 0.9, eps: 1e-6 })],
  ['rmsprop', optim.rmsprop({ lr: 0.001 }), () => formulas.rmsprop({ lr: 0.001, alpha: 0.99, eps: 1e-8 })],
  [
    'rmsprop, centred, with momentum',
    optim.rmsprop({ lr: 0.001, alpha: 0.9, centered: true, momentum: 0.5, eps: 1e-4 }),
    () => formulas.rmsprop({ lr: 0.001, alpha: 0.9, centered: true, momentum: 0.5, eps: 1e-4 }),
  ],
  [
    'lion',
    optim.lion({ lr: 0.001, weightDecay: 0.1 }),
    () => formulas.lion({ lr: 0.001, weightDecay: 0.1, betas: [0.9, 0.99] }),
  ],
  [
    'rmsprop, groups of which one needs more vectors',
    optim.rmsprop({ lr: 0.001, groups: [{ params: /bias$/g, momentum: 0.5, lr: 0.002 }] }),
    (name) =>
      formulas.rmsprop({ alpha: 0.99, eps: 1e-8, ...(name === 'bias' ? { lr: 0.002, momentum: 0.5 } : { lr: 0.001 }) }),
  ],
];

describe.each(cases)('%s', (_name, optimizer, formulaOf) => {
  test('the formula on 1, 2 and 3 threads, with the same bits', async () => {
    const wanted = byHand(formulaOf);
    const digests: string[] = [];
    for (const threads of [1, 2, 3]) {
      const { model, digest } = await train(jobWith(optimizer), { threads }).done;
      digests.push(digest);
      for (const name of ['weight', 'bias'] as const) {
        const got = model.parameters[`layer.${name}`] as Float32Array;
        const errors = Array.from(got, (value, i) => Math.abs(value - (wanted[name][i] as number)));
        expect(Math.max(...errors), name).toBeLessThan(1e-5);
        expect(got).not.toEqual(start[name]);
      }
      await model.close();
    }
    expect(new Set(digests).size).toBe(1);
  });

  test('used by hand: the same formula', () => {
    const wanted = byHand(formulaOf);
    const shapes = { weight: [outputs, inputs], bias: [outputs] };
    const manual = new ManualOptimizer(optimizer, {
      weight: { shape: shapes.weight, data: start.weight },
      bias: { shape: shapes.bias, data: start.bias },
    });
    const { weight, bias } = manual.values as { weight: Float32Array; bias: Float32Array };
    for (let step = 0; step < steps; step++) manual.step(gradients(Array.from(weight), Array.from(bias)));
    for (const name of ['weight', 'bias'] as const) {
      const errors = Array.from(manual.values[name] as Float32Array, (value, i) => Math.abs(value - wanted[name][i]!));
      expect(Math.max(...errors), name).toBeLessThan(1e-5);
    }
  });
});
