import { ops, type Tensor } from '@lockstep/core';
import { toTensor, type Values } from './torch-vector.ts';

/** The PyTorch cases over images: convolution, pooling, normalisation over channels, and the blocks made of them. */

type At = (name: string) => Tensor;
type Config = Record<string, unknown>;
type Model = (x: Tensor, p: At, c: { config: Config; buffers?: Record<string, Values> }) => Tensor;

const convOptions = ({ stride = 1, padding = 0, dilation = 1, groups = 1 }: Config) =>
  ({ stride, padding, dilation, groups }) as ops.ConvOptions;

const conv2d: Model = (x, p, { config }) =>
  ops.conv2d(x, p('weight'), config.bias === false ? undefined : p('bias'), convOptions(config));

const convTranspose2d: Model = (x, p, { config }) =>
  ops.convTranspose2d(x, p('weight'), p('bias'), {
    ...(convOptions(config) as ops.ConvTransposeOptions),
    outputPadding: (config.output_padding as number) ?? 0,
  });

const norm =
  (name: string) =>
  (x: Tensor, p: At): Tensor =>
    ops.batchNorm(x, p(`${name}.weight`), p(`${name}.bias`)).output;

const residual =
  (shortcut: (x: Tensor, p: At) => Tensor): Model =>
  (x, p, { config }) => {
    const convolve = (y: Tensor, name: string, stride: number) =>
      ops.conv2d(y, p(`${name}.weight`), undefined, { stride, padding: 1 });
    const a = norm('bn1')(convolve(x, 'conv1', config.stride as number), p).relu();
    return norm('bn2')(convolve(a, 'conv2', 1), p)
      .add(shortcut(x, p))
      .relu();
  };

export const imageModels: Record<string, Model> = {
  conv1d: (x, p, { config }) => ops.conv1d(x, p('weight'), p('bias'), convOptions(config)),
  conv2d_1x1_nobias: conv2d,
  conv2d_asymmetric: conv2d,
  conv2d_basic: conv2d,
  conv2d_depthwise_x2: conv2d,
  conv2d_dilation2: conv2d,
  conv2d_groups2: conv2d,
  conv2d_many_channels: conv2d,
  conv2d_pad2_k5: conv2d,
  conv2d_stride2_pad1: conv2d,
  conv_transpose2d: convTranspose2d,
  conv_transpose2d_groups_dilation: convTranspose2d,
  max_pool2d_2: (x) => x.maxPool2d(2),
  max_pool2d_3s2p1: (x) => x.maxPool2d(3, { stride: 2, padding: 1 }),
  avg_pool2d_2: (x) => x.avgPool2d(2),
  avg_pool2d_3s2p1: (x) => x.avgPool2d(3, { stride: 2, padding: 1 }),
  avg_pool2d_3s2p1_nopad: (x) => x.avgPool2d(3, { stride: 2, padding: 1, countIncludePad: false }),
  global_avg_pool2d: (x) => x.adaptiveAvgPool2d(1).flatten(1),
  group_norm: (x, p) => ops.groupNorm(x, 2, p('norm.weight'), p('norm.bias')),
  batch_norm1d_train: norm('norm'),
  batch_norm2d_train: norm('norm'),
  batch_norm2d_eval: (x, p, { buffers = {} }) => {
    const buffer = (name: string) => toTensor(buffers[`norm.${name}`] as Values);
    return ops.normalize(x, buffer('running_mean'), buffer('running_var'), p('norm.weight'), p('norm.bias'));
  },
  depthwise_separable_block: (x, p) => {
    const y = ops.conv2d(x, p('depthwise.weight'), undefined, { stride: 2, padding: 1, groups: 3 });
    return norm('bn2')(ops.conv2d(norm('bn1')(y, p).relu(), p('pointwise.weight')), p).relu();
  },
  residual_block_identity: residual((x) => x),
  residual_block_1x1: residual((x, p) => norm('bn3')(ops.conv2d(x, p('down.weight'), undefined, { stride: 2 }), p)),
  residual_block_option_a: residual((x) => ops.pad(ops.maxPool2d(x, 1, { stride: 2 }), 1, 1, 1)),
};
