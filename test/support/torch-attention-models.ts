import { nn, ops, type Tensor } from '@lockstep/core';
import { toTensor, type Values } from './torch-vector.ts';

/** The PyTorch cases of attention, by the layers, and the attention weights that some of them hold. */

type At = (name: string) => Tensor;
interface Case {
  readonly config: Record<string, unknown>;
  readonly constants?: Record<string, Values>;
}
type Inputs = Record<string, Tensor>;
type Model = (x: Tensor, p: At, c: Case, inputs: Inputs) => Tensor;
type Attention = { forward: (inputs: Inputs) => Tensor; weights: (inputs: Inputs) => Tensor };

/** Gives a layer the tensors of the case instead of its own. */
const set = <T extends object>(layer: T, tensors: { readonly [Name in keyof T]?: Tensor }): T =>
  Object.assign(layer, tensors);

function selfAttention(p: At, prefix: string, width: number): nn.MultiheadAttention {
  const layer = set(new nn.MultiheadAttention(width, 2), {
    inProjWeight: p(`${prefix}c_attn.weight`),
    inProjBias: p(`${prefix}c_attn.bias`),
  } as never);
  set(layer.outProj, { weight: p(`${prefix}c_proj.weight`), bias: p(`${prefix}c_proj.bias`) } as never);
  return layer;
}

const masked =
  (mask: (c: Case) => nn.AttentionMask) =>
  (p: At, c: Case): Attention => {
    const layer = selfAttention(p, '', 4);
    return {
      forward: ({ x }) => layer.forward(x as Tensor, x, x, mask(c)),
      weights: ({ x }) => layer.attentionWeights(x as Tensor, x, mask(c)),
    };
  };

function crossAttention(p: At): Attention {
  const all = (kind: string) => ops.concat(['q', 'k', 'v'].map((name) => p(`${name}.${kind}`)));
  const layer = set(new nn.MultiheadAttention(4, 2), { inProjWeight: all('weight'), inProjBias: all('bias') } as never);
  set(layer.outProj, { weight: p('out.weight'), bias: p('out.bias') } as never);
  return {
    forward: ({ x, memory }) => layer.forward(x as Tensor, memory),
    weights: ({ x, memory }) => layer.attentionWeights(x as Tensor, memory),
  };
}

const luong =
  (align: 'global' | 'local-m' | 'local-p') =>
  (p: At, c: Case): Attention => {
    const layer = new nn.LuongAttention(4, align === 'global' ? {} : { align, window: c.config.D as number });
    for (const [part, name] of [
      ['key', 'W_a'],
      ['combine', 'W_c'],
      ['position', 'W_p'],
      ['place', 'v_p'],
    ] as const)
      if (layer[part]) set(layer[part], { weight: p(`${name}.weight`) } as never);
    return {
      forward: (inputs) => layer.forward(inputs.h_t as Tensor, inputs.h_s as Tensor),
      weights: (inputs) => layer.attentionWeights(inputs.h_t as Tensor, inputs.h_s as Tensor),
    };
  };

const padded = ({ constants }: Case): nn.AttentionMask => {
  const keep = toTensor(constants?.keep as Values);
  return { keyPaddingMask: ops.equal(keep.to('f32'), ops.full([], 0)).to('i32') };
};

export const attentions: Record<string, (p: At, c: Case) => Attention> = {
  attention_global: masked(() => ({})),
  attention_local_causal: masked(({ config }) => ({ isCausal: true, window: config.window as number })),
  attention_local_window: masked(({ config }) => ({ window: config.window as number })),
  mha_causal: masked(() => ({ isCausal: true })),
  mha_padding_mask: masked(padded),
  cross_attention: crossAttention,
  luong_global: luong('global'),
  luong_local_m: luong('local-m'),
  luong_local_p: luong('local-p'),
};

/** A pre-norm block with exact GELU: PyTorch's encoder layer with `norm_first`. */
const transformerBlock: Model = (x, p) => {
  const options = { dimFeedforward: 24, normFirst: true, activation: 'gelu', dropout: 0 } as const;
  const layer = new nn.TransformerEncoderLayer(6, 2, options);
  layer.selfAttn = selfAttention(p, 'attn.', 6);
  for (const [part, name] of [
    ['norm1', 'ln_1'],
    ['norm2', 'ln_2'],
    ['linear1', 'c_fc'],
    ['linear2', 'mlp_proj'],
  ] as const)
    set(layer[part], { weight: p(`${name}.weight`), bias: p(`${name}.bias`) } as never);
  return layer.forward(x, { isCausal: true });
};

const loraLinear: Model = (x, p, { config }) => {
  const low = ops.linear(ops.linear(x, p('A')), p('B')).mul((config.alpha as number) / (config.rank as number));
  return ops.linear(x, p('base.weight'), p('base.bias')).add(low);
};

export const attentionModels: Record<string, Model> = {
  ...Object.fromEntries(
    Object.entries(attentions).map(([name, build]) => [
      name,
      (_: Tensor, p: At, c: Case, inputs: Inputs) => build(p, c).forward(inputs),
    ]),
  ),
  transformer_block: transformerBlock,
  lora_linear: loraLinear,
};
