import { expect, test } from 'vitest';
import * as optim from './index.ts';
import { stateVectors } from './optimizer-spec.ts';

const parameters = [
  { name: 'a.weight', shape: [3, 2] },
  { name: 'a.bias', shape: [3] },
];

const anything = (value: unknown) => value as never;

test("defaults are torch.optim's", () => {
  const resolved = (optimizer: optim.Optimizer) => {
    const { spec, schedules } = optimizer.resolve(parameters);
    const [group] = spec.groups;
    return { lr: schedules[0], options: group?.options, vectors: stateVectors(spec) };
  };
  const moments = ['exp_avg', 'exp_avg_sq'];
  expect(resolved(optim.sgd())).toEqual({ lr: 1e-3, options: [0, 0, 0, 0], vectors: [] });
  expect(resolved(optim.adam())).toEqual({ lr: 1e-3, options: [0.9, 0.999, 1e-8, 0, 0], vectors: moments });
  expect(resolved(optim.adamW())).toEqual({ lr: 1e-3, options: [0.9, 0.999, 1e-8, 0.01, 1], vectors: moments });
  expect(resolved(optim.adagrad())).toEqual({ lr: 1e-2, options: [0, 0, 0, 1e-10], vectors: ['sum'] });
  expect(resolved(optim.adadelta())).toEqual({
    lr: 1,
    options: [0.9, 1 - 0.9, 1e-6, 0],
    vectors: ['square_avg', 'acc_delta'],
  });
  expect(resolved(optim.rmsprop())).toEqual({
    lr: 1e-2,
    options: [0.99, 1 - 0.99, 1e-8, 0, 0],
    vectors: ['square_avg'],
  });
  expect(resolved(optim.lion())).toEqual({
    lr: 1e-4,
    options: [0.9, 1 - 0.9, 0.99, 1 - 0.99, 0],
    vectors: ['exp_avg'],
  });
});

test('the first group whose rule matches takes a parameter; undefined options are the defaults', () => {
  const { spec, schedules } = optim
    .sgd({
      lr: 0.1,
      momentum: anything(undefined),
      groups: [
        { params: /nothing/, lr: 9 },
        { params: /bias/g, momentum: 0.5 },
        { params: ({ shape }) => shape.length < 2, lr: 8 },
      ],
    })
    .resolve([...parameters, { name: 'b.bias', shape: [1] }]);
  expect(spec.groups.map((group) => group.parameters)).toEqual([['a.bias', 'b.bias'], ['a.weight']]);
  expect(spec.groups.map((group) => group.vectors)).toEqual([['momentum_buffer'], []]);
  expect(schedules).toEqual([0.1, 0.1]);
  expect(stateVectors(spec)).toEqual(['momentum_buffer']);
});

test.each<[() => unknown, string]>([
  [() => optim.sgd({ momentum: 1 }), 'optim.sgd: momentum 1 is out of range; it must be at least 0 and below 1.'],
  [() => optim.sgd({ weightDecay: -1 }), 'optim.sgd: weightDecay -1 is out of range; it must be at least 0.'],
  [() => optim.sgd({ nesterov: true }), 'optim.sgd: nesterov needs a momentum above 0 and no dampening.'],
  [() => optim.sgd({ nesterov: anything('yes') }), 'optim.sgd: nesterov must be a boolean, not yes.'],
  [() => optim.sgd({ lr: -0.1 }), 'optim.sgd: lr -0.1 must be a number of at least 0, a schedule, or a function.'],
  [() => optim.sgd({ lr: anything('0.1') }), 'optim.sgd: lr 0.1 must be a number'],
  [() => optim.sgd({ lr: anything([0.1]) }), 'optim.sgd: lr 0.1 must be a number'],
  [() => optim.sgd({ lr: Number.NaN }), 'optim.sgd: lr NaN must be a number'],
  [
    () => optim.adam(anything({ momentum: 0.9 })),
    'optim.adam: there is no option "momentum"; it takes lr, betas, eps, weightDecay, amsgrad and groups.',
  ],
  [() => optim.adam({ betas: [0.9, 1] }), 'optim.adam: betas 1 is out of range; it must be at least 0 and below 1.'],
  [() => optim.adam({ betas: anything([0.9]) }), 'optim.adam: betas must be 2 numbers.'],
  [() => optim.adamW({ betas: anything(0.9) }), 'optim.adamW: betas must be 2 numbers.'],
  // Lost in single precision: 0 would be divided by 0.
  [() => optim.adam({ eps: 1e-50 }), 'optim.adam: eps 1e-50 is out of range; it must be above 0.'],
  [() => optim.adagrad({ lrDecay: Number.NaN }), 'optim.adagrad: lrDecay NaN is out of range; it must be at least 0.'],
  [() => optim.adagrad({ initialAccumulatorValue: -1 }), 'optim.adagrad: initialAccumulatorValue -1 is out of range'],
  [() => optim.adadelta({ rho: 1.5 }), 'optim.adadelta: rho 1.5 is out of range; it must be at least 0 and below 1.'],
  [() => optim.rmsprop({ alpha: -0.1 }), 'optim.rmsprop: alpha -0.1 is out of range'],
  // Nearer to 1 than single precision can tell.
  [() => optim.rmsprop({ momentum: 1 - 1e-12 }), 'optim.rmsprop: momentum 0.999999999999 is out of range'],
  [() => optim.lion({ betas: [2, 0] }), 'optim.lion: betas 2 is out of range'],
  [
    () => optim.lion({ groups: [{ params: /x/, weightDecay: Infinity }] }),
    'optim.lion: weightDecay Infinity is out of range',
  ],
])('refused where it is written (%#)', (make, message) => {
  expect(make).toThrow(message);
});
