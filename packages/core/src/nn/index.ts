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
export { Buffer } from './buffer.ts';
export { type AttentionOptions, CausalSelfAttention } from './causal-self-attention.ts';
export { Conv1d, Conv2d, type ConvLayerOptions, ConvTranspose2d, type ConvTransposeLayerOptions } from './conv.ts';
export { GATConv, type GATConvOptions } from './graph-attention.ts';
export { type Aggregation, GCNConv, GINConv, SAGEConv } from './graph-convolution.ts';
export { globalAddPool, globalMaxPool, globalMeanPool } from './graph-pool.ts';
export * as init from './init.ts';
export { Dropout, Embedding, LayerNorm, Linear, Sequential } from './layers.ts';
export { type LoadOptions, type LoadReport, loadWeights, type NamedWeights } from './load-weights.ts';
export { LuongAttention, type LuongOptions } from './luong-attention.ts';
export { MessagePassing } from './message-passing.ts';
export { type Layer, Module } from './module.ts';
export { type AttentionMask, MultiheadAttention, type MultiheadAttentionOptions } from './multihead-attention.ts';
export { Parameter } from './parameter.ts';
export { PositionalEncoding, sinusoids } from './positional-encoding.ts';
export { GRU, LSTM, RNN } from './recurrent.ts';
export { GRUCell, LSTMCell, RNNCell } from './recurrent-cells.ts';
export type { RecurrentLayerOptions, SequenceOptions } from './recurrent-layers.ts';
export {
  type DecoderMasks,
  TransformerDecoder,
  TransformerDecoderLayer,
  TransformerEncoder,
  TransformerEncoderLayer,
  type TransformerLayerOptions,
} from './transformer.ts';
