import { ops, type Tensor } from '@lockstep/core';

/** The PyTorch cases over images: convolution, pooling, normalisation over channels, and the blocks made of them. */

type At = (name: string) => Tensor;
type Config = Record<string, unknown>;
type Model = (x: Tensor, p: At, c: { config: Config }) => Tensor;

const convOptions = ({ stride = 1, padding = 0, dilation = 1, groups = 1 }: Config) =>
  ({ stride, padding, dilation, groups }) as ops.ConvOptions;

const conv2d: Model = (x, p, { config }) =>
  ops.conv2d(x, p('weight'), config.bias === false ? undefined : p('bias'), convOptions(config));

const convTranspose2d: Model = (x, p, { config }) =>
  ops.convTranspose2d(x, p('weight'), p('bias'), {
    ...(convOptions(config) as ops.ConvTransposeOptions),
    outputPadding: (config.output_padding as number) ?? 0,
  });

export const imageModels: Record<string, Model> = {
  conv1d: (x, p, { config }) => ops.conv1d(x, p('weight'), p('bias'), convOptions(config)),
  conv2d_1x1_nobias: conv2d,
  conv2d_asymmetric: conv2d,
  conv2d_basic: conv2d,
  conv2d_depthwise_x2: conv2d,
  conv2d_dilation2: conv2d,
  conv2d_groups2: conv2d,
  conv2d_pad2_k5: conv2d,
  conv2d_stride2_pad1: conv2d,
  conv_transpose2d: convTranspose2d,
  conv_transpose2d_groups_dilation: convTranspose2d,
};
