export {
  ELU,
  Flatten,
  GELU,
  Identity,
  LeakyReLU,
  LogSoftmax,
  ReLU,
  Sigmoid,
  SiLU,
  Softmax,
  Softplus,
  Tanh,
} from './activations.ts';
export { AdditiveAttention } from './additive-attention.ts';
export { BatchNorm1d, BatchNorm2d, type BatchNormOptions } from './batch-norm.ts';
export { Buffer } from './buffer.ts';
export { type AttentionOptions, CausalSelfAttention } from './causal-self-attention.ts';
export { Conv1d, Conv2d, type ConvLayerOptions, ConvTranspose2d, type ConvTransposeLayerOptions } from './conv.ts';
export { GATConv, type GATConvOptions } from './graph-attention.ts';
export { type Aggregation, APPNP, GCNConv, GINConv, LGConv, SAGEConv } from './graph-convolution.ts';
export { globalAddPool, globalMaxPool, globalMeanPool } from './graph-pool.ts';
export { GroupNorm, type GroupNormOptions, InstanceNorm2d } from './group-norm.ts';
export * as init from './init.ts';
export { Dropout, Embedding, LayerNorm, Linear, Sequential } from './layers.ts';
export { type LoadOptions, type LoadReport, loadWeights, type NamedWeights } from './load-weights.ts';
export { LuongAttention, type LuongOptions } from './luong-attention.ts';
export { MessagePassing } from './message-passing.ts';
export { type DepthwiseOptions, DepthwiseSeparableConv2d, InvertedResidual } from './mobile.ts';
export { type Layer, Module } from './module.ts';
export { type AttentionMask, MultiheadAttention, type MultiheadAttentionOptions } from './multihead-attention.ts';
export { Parameter } from './parameter.ts';
export { AdaptiveAvgPool2d, AvgPool2d, MaxPool1d, MaxPool2d, UpsampleNearest2d } from './pool.ts';
export { PositionalEncoding, sinusoids } from './positional-encoding.ts';
export { GRU, LSTM, RNN } from './recurrent.ts';
export { GRUCell, LSTMCell, RNNCell } from './recurrent-cells.ts';
export type { RecurrentLayerOptions, SequenceOptions } from './recurrent-layers.ts';
export { BasicBlock, Bottleneck, type ResidualOptions, type Shortcut } from './residual.ts';
export {
  type DecoderMasks,
  TransformerDecoder,
  TransformerDecoderLayer,
  TransformerEncoder,
  TransformerEncoderLayer,
  type TransformerLayerOptions,
} from './transformer.ts';
