import { product, type Shape, type Size, sameShape } from '../graph/dim.ts';
import { apply, defineOp, type Emit, f32, type Operand, ShapeRule } from '../graph/op.ts';
import type { Tensor } from '../graph/tensor.ts';
import { attentionGradScratchBytes, attentionScratchBytes } from '../kernels/attention-scratch.ts';
import type { VisibleRange } from './attention-range.ts';
import { expectDType, fixedSize, operand } from './check.ts';
import { slice } from './movement.ts';
import { reshape } from './stretch.ts';

/**
 * Attention in one kernel, which keeps 16 queries' scores at a time instead of the matrix of all, and computes them again in the
 * backward pass. Operands are `[batch, tokens, heads, depth]` (`tokensFirst`) or `[batch, heads, tokens, depth]`.
 */
export interface FusedAttributes extends VisibleRange {
  readonly scale: number;
}

interface Sizes<S extends Size = number> {
  readonly batch: S;
  readonly heads: number;
  readonly queries: number;
  readonly keys: number;
  readonly depth: number;
  readonly width: number;
}

type Strides = readonly [sample: number, head: number, token: number];

const words = ({ heads, queries, keys, depth, width, batch }: Sizes): number[] => [
  batch,
  heads,
  queries,
  keys,
  depth,
  width,
];
const range = (e: Emit) => [e.attributes.low as number, e.attributes.high as number, f32(e.attributes.scale as number)];
function checkPadding(padding: Operand | undefined, batch: Size, keys: number): void {
  if (!padding) return;
  expectDType(padding, 'i32', 'the key padding mask');
  if (!sameShape(padding.shape, [batch, keys])) throw new ShapeRule(`the key padding mask must be [${batch}, ${keys}]`);
}

// Queries, keys and values by themselves.

const four = (x: Operand, what: string): [Size, number, number, number] => {
  expectDType(x, 'f32', what);
  if (x.shape.length !== 4) throw new ShapeRule(`${what} must have four dimensions`);
  return x.shape.map((size, i) => (i === 0 ? size : fixedSize(size, `dimension ${i} of ${what}`))) as never;
};

function sizesOf(inputs: readonly Operand[], tokensFirst: boolean): Sizes<Size> {
  const [q, k, v] = ['the queries', 'the keys', 'the values'].map((what, i) => four(operand(inputs, i), what)) as [
    ReturnType<typeof four>,
    ReturnType<typeof four>,
    ReturnType<typeof four>,
  ];
  const [tokens, heads] = tokensFirst ? ([1, 2] as const) : ([2, 1] as const);
  if (q[3] !== k[3]) throw new ShapeRule(`queries of size ${q[3]} and keys of size ${k[3]} differ`);
  if (k[tokens] !== v[tokens]) throw new ShapeRule(`${k[tokens]} keys and ${v[tokens]} values differ`);
  const groups = [q, k, v].map((x) => [x[0], x[heads]] as Shape);
  if (!groups.every((group) => sameShape(group, groups[0] as Shape))) throw new ShapeRule('batches or heads differ');
  return { batch: q[0], heads: q[heads], queries: q[tokens], keys: k[tokens], depth: q[3], width: v[3] };
}

const boundSizes = (e: Emit): Sizes => sizesOf(operandsOf(e), e.attributes.tokensFirst as boolean) as Sizes;
const operandsOf = (e: Emit): Operand[] => e.inputs.map(({ shape }) => ({ shape, dtype: 'f32' }));
const addresses = (e: Emit, count: number): number[] =>
  Array.from({ length: count }, (_, i) => e.inputs[i]?.address ?? 0);

/** Of `[batch, tokens, heads, size]` or `[batch, heads, tokens, size]`. */
const stridesOf = (tokensFirst: boolean, heads: number, tokens: number, size: number): Strides =>
  tokensFirst ? [tokens * heads * size, size, heads * size] : [tokens * heads * size, tokens * size, size];

const attentionOp = defineOp({
  name: 'attention',
  infer: (inputs, attributes) => {
    const sizes = sizesOf(inputs, attributes.tokensFirst as boolean);
    checkPadding(inputs[3], sizes.batch, sizes.keys);
    return { shape: [...operand(inputs, 0).shape.slice(0, 3), sizes.width], dtype: 'f32' };
  },
  emit: (e) => {
    const sizes = boundSizes(e);
    const strides = (tokens: number, size: number) =>
      stridesOf(e.attributes.tokensFirst as boolean, sizes.heads, tokens, size);
    e.kernel(
      'attention',
      e.out,
      ...addresses(e, 4),
      ...words(sizes),
      ...range(e),
      e.scratch(attentionScratchBytes(sizes)),
      ...strides(sizes.queries, sizes.width),
      ...strides(sizes.queries, sizes.depth),
      ...strides(sizes.keys, sizes.depth),
      ...strides(sizes.keys, sizes.width),
    );
  },
  derivative: ({ inputs, gradient, attributes }) => {
    const [q, k, v, padding] = inputs as [Tensor, Tensor, Tensor, Tensor | undefined];
    const all = apply(gradientOp, padding ? [q, k, v, gradient, padding] : [q, k, v, gradient], attributes);
    let at = 0;
    return [q, k, v].map((x) => {
      const from = at;
      at += product(x.shape.slice(1)) as number;
      return reshape(slice(all, 1, from, at), x.shape);
    });
  },
});

/** dq, dk and dv of each sample, one after the other. */
const gradientOp = defineOp({
  name: 'attentionGrad',
  infer: (inputs) => {
    const [q, k, v] = [operand(inputs, 0), operand(inputs, 1), operand(inputs, 2)];
    const each = [q, k, v].map(({ shape }) => product(shape.slice(1)) as number);
    return { shape: [q.shape[0] as Size, each.reduce((a, b) => a + b, 0)], dtype: 'f32' };
  },
  emit: (e) => {
    const sizes = boundSizes(e);
    const { heads, queries, keys, depth, width } = sizes;
    const strides = (tokens: number, size: number) =>
      stridesOf(e.attributes.tokensFirst as boolean, heads, tokens, size);
    const whole = e.shape[1] as number;
    const [dk, dv] = [heads * queries * depth, heads * (queries + keys) * depth];
    const within = ([, head, token]: Strides): Strides => [whole, head, token];
    e.kernel(
      'attentionGrad',
      e.out,
      e.out + 4 * dk,
      e.out + 4 * dv,
      ...addresses(e, 5),
      ...words(sizes),
      ...range(e),
      e.scratch(attentionGradScratchBytes(sizes)),
      ...within(strides(queries, depth)),
      ...within(strides(keys, depth)),
      ...within(strides(keys, width)),
      ...strides(queries, depth),
      ...strides(keys, depth),
      ...strides(keys, width),
      ...strides(queries, width),
    );
  },
});

/** softmax(scale q k^T) v over what the range allows; `padding` i32 `[batch, keys]`, non-zero where nobody may look. */
export const fusedAttention = (
  q: Tensor,
  k: Tensor,
  v: Tensor,
  padding: Tensor | undefined,
  attributes: FusedAttributes & { readonly tokensFirst: boolean },
): Tensor => apply(attentionOp, padding ? [q, k, v, padding] : [q, k, v], { ...attributes });

// Self-attention, with queries, keys and values side by side in one tensor `[batch, tokens, 3 * width]`, as one projection gives them.

function packedSizes(inputs: readonly Operand[], heads: number): Sizes<Size> {
  const { shape } = expectDType(operand(inputs, 0), 'f32');
  if (shape.length !== 3) throw new ShapeRule('needs [batch, tokens, 3 * width]');
  const tokens = fixedSize(shape[1] as Size, 'tokens');
  const depth = fixedSize(shape[2] as Size, 'the width') / (3 * heads);
  if (!Number.isInteger(depth)) throw new ShapeRule(`the last dimension is not 3 times ${heads} heads`);
  return { batch: shape[0] as Size, heads, queries: tokens, keys: tokens, depth, width: depth };
}

const boundPackedSizes = (e: Emit): Sizes => packedSizes(operandsOf(e), e.attributes.heads as number) as Sizes;
const packedStrides = ({ heads, keys, depth }: Sizes): Strides => [3 * keys * heads * depth, depth, 3 * heads * depth];
const thirds = (address: number, { heads, depth }: Sizes): number[] =>
  [0, 1, 2].map((i) => address + 4 * i * heads * depth);

const selfAttentionOp = defineOp({
  name: 'selfAttention',
  infer: (inputs, attributes) => {
    const { batch, heads, keys, depth } = packedSizes(inputs, attributes.heads as number);
    checkPadding(inputs[1], batch, keys);
    return { shape: [batch, keys, heads * depth], dtype: 'f32' };
  },
  emit: (e) => {
    const sizes = boundPackedSizes(e);
    const [x, padding] = addresses(e, 2) as [number, number];
    const strides = packedStrides(sizes);
    e.kernel(
      'attention',
      e.out,
      ...thirds(x, sizes),
      padding,
      ...words(sizes),
      ...range(e),
      e.scratch(attentionScratchBytes(sizes)),
      ...stridesOf(true, sizes.heads, sizes.keys, sizes.depth),
      ...strides,
      ...strides,
      ...strides,
    );
  },
  derivative: ({ inputs: [x, padding], gradient, attributes }) => [
    apply(selfGradientOp, padding ? [x as Tensor, gradient, padding] : [x as Tensor, gradient], attributes),
  ],
});

const selfGradientOp = defineOp({
  name: 'selfAttentionGrad',
  infer: (inputs) => ({ shape: operand(inputs, 0).shape, dtype: 'f32' }),
  emit: (e) => {
    const sizes = boundPackedSizes(e);
    const [x, g, padding] = addresses(e, 3) as [number, number, number];
    const strides = packedStrides(sizes);
    e.kernel(
      'attentionGrad',
      ...thirds(e.out, sizes),
      ...thirds(x, sizes),
      g,
      padding,
      ...words(sizes),
      ...range(e),
      e.scratch(attentionGradScratchBytes(sizes)),
      ...Array<Strides>(6).fill(strides).flat(),
      ...stridesOf(true, sizes.heads, sizes.keys, sizes.depth),
    );
  },
});

/** Self-attention of `[batch, tokens, 3 * width]` (queries, keys, values) to `[batch, tokens, width]`. */
export const fusedSelfAttention = (
  qkv: Tensor,
  heads: number,
  padding: Tensor | undefined,
  attributes: FusedAttributes,
): Tensor => apply(selfAttentionOp, padding ? [qkv, padding] : [qkv], { ...attributes, heads });
