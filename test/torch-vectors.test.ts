import { readdirSync } from 'node:fs';
import { loss, ManualOptimizer, ops, optim, type Tensor, tensor } from '@lockstep/core';
import { evaluateTensors } from '@lockstep/core/internal';
import { describe, expect, test } from 'vitest';
import { gcn } from './support/gcn-vector.ts';
import { attentionModels, attentions } from './support/torch-attention-models.ts';
import { imageModels } from './support/torch-image-models.ts';
import { expectClose, loadVector, toTensor, toTensors, type Values, vectorFolder } from './support/torch-vector.ts';

// PyTorch's own float64 results for the same numbers: outputs, loss, gradients of parameters and inputs, and parameters after
// three optimizer steps. Tolerance per tensor: 1e-5 * max(1, largest magnitude).

interface Case {
  name: string;
  config: Record<string, unknown>;
  params?: Record<string, Values>;
  inputs: Record<string, Values>;
  targets: Record<string, Values>;
  constants?: Record<string, Values>;
  /** Parameters that no optimizer changes. */
  frozen?: string[];
  float64: {
    outputs?: Record<string, Values>;
    loss: number;
    param_grads?: Record<string, Values>;
    input_grads?: Record<string, Values>;
    losses?: number[];
    params_after?: Record<string, Record<string, Values>>;
  };
}
type Tensors = Record<string, Tensor>;
type At = (name: string) => Tensor;

const load = (name: string) => loadVector<Case>(name);

const linear = (x: Tensor, p: At, name: string) => ops.linear(x, p(`${name}.weight`), p(`${name}.bias`));
const mlp =
  (names: string[], activation: (x: Tensor) => Tensor, last = false) =>
  (x: Tensor, p: At) =>
    names.reduce((y, name, i) => {
      const z = linear(y, p, name);
      return i < names.length - 1 || last ? activation(z) : z;
    }, x);

function causalAttention(x: Tensor, p: At, prefix: string): Tensor {
  const [batch, time, width] = x.shape as [number, number, number];
  const all = ops.linear(x, p(`${prefix}c_attn.weight`));
  const part = (i: number) =>
    all
      .slice(2, i * width, (i + 1) * width)
      .reshape([batch, time, 2, width / 2])
      .permute([0, 2, 1, 3]);
  const weights = ops.attentionWeights(part(0), part(1), { causal: true });
  const y = weights.matmul(part(2)).permute([0, 2, 1, 3]).reshape([batch, time, width]);
  return ops.linear(y, p(`${prefix}c_proj.weight`));
}

function block(x: Tensor, p: At, prefix: string): Tensor {
  const norm = (y: Tensor, name: string) => ops.layerNorm(y, p(`${prefix}${name}.weight`));
  const a = x.add(causalAttention(norm(x, 'ln_1'), p, `${prefix}attn.`));
  const hidden = ops.linear(norm(a, 'ln_2'), p(`${prefix}c_fc.weight`)).gelu();
  return a.add(ops.linear(hidden, p(`${prefix}mlp_proj.weight`)));
}

function tinyGpt(x: Tensor, p: At): Tensor {
  let y = ops.embedding(p('wte.weight'), x).add(p('wpe.weight'));
  for (const i of [0, 1]) y = block(y, p, `h.${i}.`);
  return ops.linear(ops.layerNorm(y, p('ln_f.weight')), p('wte.weight'));
}

type LossConfig = Case['config'] & {
  readonly weights: number[];
  readonly ignore_index: number;
  readonly label_smoothing: number;
  readonly delta: number;
  readonly pos_weight: number;
};

/** Cases that are nothing but a loss of the input; the others take cross entropy or the squared error. */
const losses: Record<string, (output: Tensor, target: Tensor, config: LossConfig) => loss.Weighted> = {
  mse_mean: loss.mse,
  mae_mean: loss.l1,
  huber_delta1: (x, t, { delta }) => loss.huber(x, t, { delta }),
  huber_delta_half: (x, t, { delta }) => loss.huber(x, t, { delta }),
  bce_with_logits: (x, t) => loss.bceWithLogits(x, t),
  bce_with_logits_pos_weight: (x, t, { pos_weight: posWeight }) => loss.bceWithLogits(x, t, { posWeight }),
  ce_mean: (x, t) => loss.crossEntropy(x, t),
  ce_sum: (x, t) => loss.crossEntropy(x, t),
  ce_soft_targets: (x, t) => loss.crossEntropy(x, t),
  ce_class_weights: (x, t, { weights: weight }) => loss.crossEntropy(x, t, { weight }),
  ce_ignore_index: (x, t, { ignore_index: ignoreIndex }) => loss.crossEntropy(x, t, { ignoreIndex }),
  ce_label_smoothing: (x, t, c) => loss.crossEntropy(x, t, { labelSmoothing: c.label_smoothing }),
  ce_label_smoothing_ignore_index: (x, t, c) =>
    loss.crossEntropy(x, t, { labelSmoothing: c.label_smoothing, ignoreIndex: c.ignore_index }),
  kl_div_batchmean: (x, t) => loss.klDiv(ops.logSoftmax(x), t),
};

/** Initial states of the vectors are `[layers, batch, hidden]`. */
const stateOf = (t: Tensor | undefined) => t?.reshape([t.shape[1] as number, t.shape[2] as number]);
const recurrent =
  (cell: 'rnnTanh' | 'gru' | 'lstm') =>
  (x: Tensor, p: At, _: Case, { h0, c0 }: Tensors): Tensor => {
    const weight = (name: string) => p(`rnn.${name}_l0`);
    const weights = {
      input: weight('weight_ih'),
      hidden: weight('weight_hh'),
      bias: { input: weight('bias_ih'), hidden: weight('bias_hh') },
    };
    return ops.recurrent(cell, x, weights, { h0: stateOf(h0), c0: stateOf(c0) }).sequence;
  };

const models: Record<string, (x: Tensor, p: At, c: Case, inputs: Tensors) => Tensor> = {
  mlp_sigmoid_mse: mlp(['fc1', 'fc2'], ops.sigmoid, true),
  mlp_relu_ce: mlp(['fc1', 'fc2'], ops.relu),
  mlp_tanh_mse: mlp(['fc1', 'fc2', 'fc3'], ops.tanh),
  layer_norm: (x, p) => ops.layerNorm(x, p('norm.weight'), p('norm.bias')),
  embedding: (x, p) => ops.embedding(p('weight'), x),
  tiny_gpt: tinyGpt,
  act_gelu_exact: ops.gelu,
  act_gelu_tanh: ops.geluTanh,
  act_silu: ops.silu,
  act_relu: ops.relu,
  act_leaky_relu: (x) => ops.leakyRelu(x, 0.01),
  act_elu: (x) => ops.elu(x, 1),
  act_softplus: ops.softplus,
  act_sigmoid: ops.sigmoid,
  act_tanh: ops.tanh,
  rnn_tanh: recurrent('rnnTanh'),
  gru: recurrent('gru'),
  lstm: recurrent('lstm'),
  softmax: (x) => ops.softmax(x),
  log_softmax: (x) => ops.logSoftmax(x),
  softmax_dim1: (x) => ops.softmax(x.reshape([2, 3, 4]), 1),
  dropout_given_mask: (x, _, c) => x.mul(toTensor(c.constants?.mask as Values)).mul(1 / (1 - (c.config.p as number))),
  ...Object.fromEntries(Object.keys(losses).map((name) => [name, (x: Tensor) => x])),
  gcn: (x, p, c) => gcn(x, p, c.constants?.A as Values),
  embedding_padding: (x, p) => ops.embedding(p('weight'), x, { paddingIndex: 0 }),
  ...imageModels,
  ...attentionModels,
  ...Object.fromEntries(
    [
      'sgd',
      'sgd_weight_decay',
      'sgd_momentum',
      'sgd_momentum_dampening',
      'sgd_nesterov',
      'adam',
      'adam_weight_decay',
      'adamw',
      'adam_amsgrad',
      'adagrad',
      'adadelta',
      'rmsprop',
      'rmsprop_centered_momentum',
    ].map((name) => [`opt_${name}`, mlp(['fc1', 'fc2'], ops.tanh)]),
  ),
};

/** The loss as Lockstep divides it: sum of values over sum of weights. */
function lossOf(c: Case, output: Tensor): Tensor {
  const { target, labels } = toTensors(c.targets);
  const of = losses[c.name] ?? ((x, t) => (labels ? loss.crossEntropy(x, t) : loss.mse(x, t)));
  const weighted = of(output, (labels ?? target) as Tensor, c.config as LossConfig);
  const keep = c.constants?.keep;
  if (keep) {
    const real = toTensor(keep)
      .to('f32')
      .reshape([...keep.shape, 1])
      .expand(output.shape);
    return weighted.values.mul(real).sum().div(real.sum());
  }
  const total = weighted.values.sum();
  return c.name === 'ce_sum' ? total : total.div(weighted.weightsOrOnes().sum());
}

/** torch.optim's names of options, as they are in the cases, and ours. */
const optionNames = {
  lr: 'lr',
  momentum: 'momentum',
  dampening: 'dampening',
  nesterov: 'nesterov',
  betas: 'betas',
  eps: 'eps',
  weight_decay: 'weightDecay',
  amsgrad: 'amsgrad',
  rho: 'rho',
  alpha: 'alpha',
  centered: 'centered',
  initial_accumulator: 'initialAccumulatorValue',
};

function optimizerOf(c: Case): optim.Optimizer {
  if (c.name === 'tiny_gpt') {
    return optim.adamW({
      lr: 0.01,
      betas: [0.9, 0.99],
      weightDecay: 0.1,
      groups: [{ params: ({ shape }) => shape.length < 2, weightDecay: 0 }],
    });
  }
  if (c.name === 'lora_linear') return optim.adam({ lr: 0.01 });
  if (!c.name.startsWith('opt_')) return optim.sgd({ lr: c.name === 'mlp_sigmoid_mse' ? 0.5 : 0.1 });
  const options: Record<string, unknown> = Object.fromEntries(
    Object.entries(optionNames).flatMap(([theirs, ours]) => (theirs in c.config ? [[ours, c.config[theirs]]] : [])),
  );
  const kind = (['adamW', 'adam', 'adagrad', 'adadelta', 'rmsprop'] as const).find((name) =>
    c.name.startsWith(`opt_${name.toLowerCase()}`),
  );
  return optim[kind ?? 'sgd'](options);
}

function evaluate(c: Case, params: Tensors, inputs: Tensors) {
  const output = (models[c.name] as (x: Tensor, p: At, c: Case, inputs: Tensors) => Tensor)(
    inputs.x as Tensor,
    (name) => params[name] as Tensor,
    c,
    inputs,
  );
  const value = lossOf(c, output);
  const names = Object.keys(params);
  const gradients = ops.grad(value, [...Object.values(params), ...Object.values(inputs)]);
  const [outputs, lossValue, ...rest] = evaluateTensors([output, value, ...gradients]);
  return {
    output: outputs as Float32Array,
    loss: (lossValue as Float32Array)[0] as number,
    paramGrads: Object.fromEntries(names.map((name, i) => [name, rest[i] as Float32Array])),
    inputGrads: Object.fromEntries(
      Object.keys(inputs).map((name, i) => [name, rest[names.length + i] as Float32Array]),
    ),
  };
}

describe.each(Object.keys(models))('%s', (name) => {
  const c = load(name);
  const inputs = toTensors(c.inputs);
  const expected = c.float64;

  test('outputs, loss and gradients', () => {
    const got = evaluate(c, toTensors(c.params), inputs);
    if (expected.outputs?.output) expectClose(got.output, expected.outputs.output.data, 'output');
    expectClose([got.loss], [expected.loss], 'loss');
    for (const [param, values] of Object.entries(expected.param_grads ?? {})) {
      expectClose(got.paramGrads[param] as Float32Array, values.data, `gradient of ${param}`);
    }
    for (const [input, values] of Object.entries(expected.input_grads ?? {})) {
      expectClose(got.inputGrads[input] as Float32Array, values.data, `gradient of input ${input}`);
    }
  });

  if (!expected.params_after) return;
  test('three optimizer steps', () => {
    const trained = Object.entries(c.params ?? {}).filter(([param]) => !c.frozen?.includes(param));
    const optimizer = new ManualOptimizer(optimizerOf(c), Object.fromEntries(trained));
    for (let step = 0; step <= 3; step++) {
      const current = {
        ...toTensors(c.params),
        ...Object.fromEntries(
          Object.entries(optimizer.values).map(([param, data]) => [
            param,
            tensor(data.slice(), { shape: c.params?.[param]?.shape as number[] }),
          ]),
        ),
      };
      for (const [param, values] of Object.entries(expected.params_after?.[String(step)] ?? {})) {
        expectClose(optimizer.values[param] as Float32Array, values.data, `${param} after step ${step}`);
      }
      const got = evaluate(c, current, inputs);
      expectClose([got.loss], [expected.losses?.[step] as number], `loss before step ${step + 1}`);
      optimizer.step(Object.fromEntries(trained.map(([param]) => [param, got.paramGrads[param] as Float32Array])));
    }
  });
});

test.each(Object.keys(attentions))('the attention weights of %s', (name) => {
  const c = load(name);
  const params = toTensors(c.params);
  const weights = attentions[name]?.((param) => params[param] as Tensor, c).weights(toTensors(c.inputs)) as Tensor;
  const [values] = evaluateTensors([weights]) as [Float32Array];
  const expected = c.float64.outputs?.attention;
  if (expected) expectClose(values, expected.data, 'attention');
  // the padding case holds none: there each query's weights are shared out among the real keys
  else
    values.forEach((weight, i) => {
      const [keys, perSample] = [5, 2 * 5 * 5];
      const sample = Math.floor(i / perSample);
      expect(weight > 0).toBe(c.constants?.keep?.data[sample * keys + (i % keys)] === 1);
    });
});

test('learning-rate schedules', () => {
  const { schedules } = loadVector<{ schedules: Record<string, Record<string, unknown> & { values: number[] }> }>(
    'lr_schedules',
  );
  const at = (schedule: optim.ScheduleSpec, count: number) =>
    Array.from({ length: count }, (_, t) => schedule.at(t, count));
  const { cosine, step, exponential, nanogpt_warmup_cosine: nanoGpt } = schedules;
  expectClose(at(optim.cosine({ peak: 0.1, floor: 0.001, steps: 20 }), 20), cosine?.values as number[], 'cosine');
  expectClose(
    at(optim.cosine({ peak: 1e-3, floor: 1e-4, warmupSteps: 5 }), 20),
    nanoGpt?.values as number[],
    'nanoGPT',
  );
  const s = step as unknown as { lr: number; step_size: number; gamma: number; values: number[] };
  expectClose(at(optim.step({ initial: s.lr, gamma: s.gamma, every: s.step_size }), 20), s.values, 'step');
  const e = exponential as unknown as { lr: number; gamma: number; values: number[] };
  expectClose(at(optim.exponential({ initial: e.lr, gamma: e.gamma }), 20), e.values, 'exponential');
});

test('every stored case is used', () => {
  const stored = readdirSync(vectorFolder).map((file) => file.replace('.json', ''));
  const elsewhere = [
    'gan', // phases.test.ts, generative-vectors.test.ts
    'grad_clip', // grad-clip.test.ts
    'lr_schedules', // above
    'mlp_l1', // penalties.test.ts
    'mlp_l2', // penalties.test.ts
    'vae', // generative-vectors.test.ts
  ];
  expect(stored.filter((name) => !(name in models)).sort()).toEqual(elsewhere);
});
