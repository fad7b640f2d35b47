import { describe, test } from 'vitest';
import type { Tensor } from '../graph/tensor.ts';
import { expectGradient } from '../testing/check-gradient.ts';
import * as ops from './index.ts';

// Every derivative against central differences, over odd shapes. One line per op.

const index = ops.tensor(
  [
    [2, 0, 1],
    [1, 1, 2],
  ],
  { dtype: 'i32' },
);
const labels = ops.tensor([2, 0, 4], { dtype: 'i32' });
const classWeights = ops.tensor([0.5, 1, 2, 0, 1.5]);
const turns = ops.tensor([
  [0.9, -0.3, 0.4, 0.2, 1.1, -0.7],
  [-1, 0, 6, 0.1, 0.6, 0.5],
]);
const positive = { low: 0.3, high: 3 };

const unary: [string, (x: Tensor) => Tensor, { low?: number; high?: number; tolerance?: number }?][] = [
  ['neg', ops.neg],
  ['exp', ops.exp],
  ['log', ops.log, positive],
  ['sqrt', ops.sqrt, positive],
  ['rsqrt', ops.rsqrt, positive],
  ['reciprocal', ops.reciprocal, positive],
  ['square', ops.square],
  ['abs', ops.abs],
  ['sin', ops.sin],
  ['cos', ops.cos],
  ['erf', ops.erf],
  ['relu', ops.relu],
  ['sigmoid', ops.sigmoid],
  ['tanh', ops.tanh],
  ['gelu', ops.gelu],
  ['geluTanh', ops.geluTanh],
  ['silu', ops.silu],
  ['softplus', ops.softplus],
  ['addScalar', (x) => ops.addScalar(x, 3)],
  ['mulScalar', (x) => ops.mulScalar(x, -1.5)],
  ['leakyRelu', (x) => ops.leakyRelu(x, 0.1)],
  ['elu', (x) => ops.elu(x, 1)],
  ['powScalar, whole', (x) => ops.powScalar(x, 3)],
  ['powScalar, fraction', (x) => ops.powScalar(x, 1.5), positive],
];

describe.each([[[1]], [[7]], [[3, 5]], [[2, 3, 11]]])('elementwise over %j', (shape) => {
  test.each(unary)('%s', (_, f, options) => expectGradient(f, [shape], options));
});

const pairs: [string, (a: Tensor, b: Tensor) => Tensor, { low?: number; high?: number }?][] = [
  ['add', ops.add],
  ['sub', ops.sub],
  ['mul', ops.mul],
  ['div', ops.div, { low: 0.5, high: 2.5 }],
  ['maximum', ops.maximum],
  ['minimum', ops.minimum],
];
const shapePairs: [number[], number[]][] = [
  [[5], [5]],
  [[3, 5], [5]],
  [
    [3, 5],
    [3, 1],
  ],
  [[3, 5], []],
  [
    [1, 5],
    [3, 1],
  ],
  [
    [2, 3, 7],
    [3, 7],
  ],
  [
    [2, 3, 7],
    [2, 1, 7],
  ],
  [
    [2, 1, 3],
    [4, 1],
  ],
  [[1], [2, 9]],
];
describe.each(shapePairs)('broadcasting %j with %j', (a, b) => {
  test.each(pairs)('%s', (_, f, options) => expectGradient(f, [a, b], { tolerance: 1e-2, ...options }));
});

const structural: [string, (...x: Tensor[]) => Tensor, number[][]][] = [
  ['reshape', (x) => x.reshape([3, -1]), [[2, 9]]],
  ['expand', (x) => x.expand([3, 2, 5]), [[2, 1]]],
  ['permute', (x) => x.permute([2, 0, 1]), [[2, 3, 5]]],
  ['transpose', (x) => x.transpose(), [[7, 5]]],
  ['slice', (x) => x.slice(1, 1, 4), [[2, 5, 3]]],
  ['slice from the end', (x) => x.slice(0, -2), [[5, 3]]],
  ['pad', (x) => ops.pad(x, 1, 2, 1), [[3, 2]]],
  [
    'concat',
    (a, b) => ops.concat([a, b, a], 1),
    [
      [2, 3],
      [2, 5],
    ],
  ],
  [
    'where',
    (a, b) => ops.where(ops.tensor([[1, 0, 1]]), a, b),
    [
      [2, 3],
      [2, 3],
    ],
  ],
  ['sum of all', (x) => x.sum(), [[3, 7]]],
  ['sum over outer axes', (x) => x.sum([0, 1]), [[2, 3, 5]]],
  ['sum over the middle', (x) => x.sum(1, true), [[2, 3, 5]]],
  ['sum over axes apart', (x) => x.sum([0, 2]), [[2, 3, 5]]],
  ['mean', (x) => x.mean(-1), [[3, 5]]],
  ['max', (x) => x.max(1), [[3, 5]]],
  ['softmax', (x) => x.softmax(), [[3, 11]]],
  ['softmax of one', (x) => x.softmax(), [[3, 1]]],
  ['softmax over the middle', (x) => x.softmax(1), [[2, 3, 5]]],
  ['logSoftmax', (x) => x.logSoftmax(), [[3, 9]]],
  ['causalSoftmax', (x) => ops.causalSoftmax(x, 0.7), [[2, 5, 5]]],
  ['causalSoftmax with more keys', (x) => ops.causalSoftmax(x, 0.7), [[2, 3, 5]]],
  ['layerNorm', (x) => ops.layerNorm(x), [[3, 7]]],
  ['layerNorm with weight', (x, w) => ops.layerNorm(x, w), [[2, 3, 5], [5]]],
  ['layerNorm with weight and bias', (x, w, b) => ops.layerNorm(x, w, b), [[3, 13], [13], [13]]],
  [
    'matmul',
    (a, b) => a.matmul(b),
    [
      [5, 7],
      [7, 3],
    ],
  ],
  [
    'matmul, left transposed',
    (a, b) => a.matmul(b, { transA: true }),
    [
      [7, 5],
      [7, 3],
    ],
  ],
  [
    'matmul, right transposed',
    (a, b) => a.matmul(b, { transB: true }),
    [
      [5, 7],
      [3, 7],
    ],
  ],
  [
    'matmul, both transposed',
    (a, b) => a.matmul(b, { transA: true, transB: true }),
    [
      [7, 5],
      [3, 7],
    ],
  ],
  [
    'matmul of batches',
    (a, b) => a.matmul(b),
    [
      [2, 3, 5],
      [2, 5, 2],
    ],
  ],
  [
    'matmul of batches, left transposed',
    (a, b) => a.matmul(b, { transA: true }),
    [
      [2, 5, 3],
      [2, 5, 2],
    ],
  ],
  [
    'matmul of batches, right transposed',
    (a, b) => a.matmul(b, { transB: true }),
    [
      [2, 3, 5],
      [2, 2, 5],
    ],
  ],
  [
    'matmul of batches, both transposed',
    (a, b) => a.matmul(b, { transA: true, transB: true }),
    [
      [2, 5, 3],
      [2, 2, 5],
    ],
  ],
  [
    'matmul, shared right',
    (a, b) => a.matmul(b),
    [
      [2, 3, 5],
      [5, 2],
    ],
  ],
  [
    'matmul, batches stretched',
    (a, b) => a.matmul(b),
    [
      [3, 1, 2, 5],
      [4, 5, 2],
    ],
  ],
  ['linear', (x, w, b) => ops.linear(x, w, b), [[2, 3, 5], [4, 5], [4]]],
  ['linear of a vector', (x, w) => ops.linear(x, w), [[5], [4, 5]]],
  ['embedding', (table) => ops.embedding(table, index), [[4, 5]]],
  ['affineWarp', (x) => ops.affineWarp(x, turns), [[2, 3, 5, 7]]],
  ['affineWarp to another size', (x) => ops.affineWarp(x, turns, { height: 3, width: 11 }), [[2, 1, 4, 3]]],
  ['gatherLast', (x) => ops.gatherLast(x, index), [[2, 3, 3]]],
  ['crossEntropy', (x) => ops.softmaxCrossEntropy(x, labels), [[3, 5]]],
  [
    'weightedCrossEntropy',
    (x) => ops.weightedCrossEntropy(x, labels, classWeights, { ignoreIndex: -1, smoothing: 0 }),
    [[3, 5]],
  ],
  [
    'weightedCrossEntropy, smoothed',
    (x) => ops.weightedCrossEntropy(x, labels, classWeights, { ignoreIndex: 0, smoothing: 0.3 }),
    [[3, 5]],
  ],
  [
    'weightedCrossEntropy of one class',
    (x) =>
      ops.weightedCrossEntropy(x, ops.tensor([0], { dtype: 'i32' }), ops.tensor([2]), {
        ignoreIndex: -1,
        smoothing: 0.1,
      }),
    [[1, 1]],
  ],
  [
    'softCrossEntropy',
    (x, t) => ops.softCrossEntropy(x, t),
    [
      [2, 3, 11],
      [2, 3, 11],
    ],
  ],
  [
    'softCrossEntropy of one class',
    (x, t) => ops.softCrossEntropy(x, t),
    [
      [3, 1],
      [3, 1],
    ],
  ],
  [
    'binaryCrossEntropy',
    (p, t) => ops.binaryCrossEntropy(p.sigmoid(), t.sigmoid()),
    [
      [3, 7],
      [3, 7],
    ],
  ],
  [
    'cosineSimilarity',
    (a, b) => ops.cosineSimilarity(a, b),
    [
      [3, 7],
      [3, 7],
    ],
  ],
  [
    'cosineSimilarity along the first axis',
    (a, b) => ops.cosineSimilarity(a, b, { axis: 0 }),
    [
      [5, 2],
      [5, 2],
    ],
  ],
  [
    'pairwiseDistance',
    (a, b) => ops.pairwiseDistance(a, b),
    [
      [3, 5],
      [3, 5],
    ],
  ],
  ['checkValues', (x) => ops.checkValues(x, { what: 'x', low: -9, high: 9 }).square(), [[13]]],
  ['crossEntropy with an ignored label', (x) => ops.softmaxCrossEntropy(x, labels, 0), [[3, 5]]],
  ['avgPool2d', (x) => ops.avgPool2d(x, [2, 3], { stride: [1, 2], padding: 1 }), [[2, 1, 5, 7]]],
  ['avgPool2d without padding', (x) => ops.avgPool2d(x, 3, { padding: 1, countIncludePad: false }), [[2, 1, 5, 7]]],
  ['avgPool2d, cut off', (x) => ops.avgPool2d(x, 2, { ceilMode: true }), [[2, 1, 5, 7]]],
  ['adaptiveAvgPool2d', (x) => ops.adaptiveAvgPool2d(x, [2, 3]), [[2, 1, 5, 7]]],
  ['upsampleNearest2d', (x) => ops.upsampleNearest2d(x, [2, 3]), [[2, 1, 3, 5]]],
  ['batchNorm', (x, w, b) => ops.batchNorm(x, w, b).output, [[3, 5, 7], [5], [5]]],
  ['batchNorm of images', (x, w) => ops.batchNorm(x, w).output, [[2, 3, 3, 5], [3]]],
  ['batchNorm of features', (x) => ops.batchNorm(x).output, [[7, 3]]],
  ['groupNorm', (x, w, b) => ops.groupNorm(x, 2, w, b), [[3, 6, 3], [6], [6]]],
  ['groupNorm of each channel', (x) => ops.groupNorm(x, 3), [[2, 3, 3, 5]]],
  ['normalize', (x, m, w, b) => ops.normalize(x, m, ops.tensor([0.5, 1, 2]), w, b), [[2, 3, 5], [3], [3], [3]]],
  ['normalize by a variance', (x, v) => ops.normalize(x, ops.tensor([0.5, 1, 2]), v.square()), [[2, 3, 5], [3]]],
  ['channelAffine', (x, a, b) => ops.channelAffine(x, a, b), [[2, 3, 3, 3], [3], [3]]],
  ['channelSum', (x) => ops.channelSum(x), [[3, 5, 7]]],
  ['conv1d', (x, w, b) => ops.conv1d(x, w, b, { stride: 2, padding: 1 }), [[3, 3, 7], [5, 3, 3], [5]]],
  [
    'conv1d of one element',
    (x, w) => ops.conv1d(x, w),
    [
      [1, 1, 1],
      [1, 1, 1],
    ],
  ],
  ['conv2d', (x, w, b) => ops.conv2d(x, w, b), [[2, 3, 5, 5], [5, 3, 3, 3], [5]]],
  [
    'conv2d with padding',
    (x, w) => ops.conv2d(x, w, undefined, { padding: 'same' }),
    [
      [2, 2, 3, 5],
      [3, 2, 3, 2],
    ],
  ],
  [
    'conv2d with everything',
    (x, w, b) => ops.conv2d(x, w, b, { stride: [2, 3], padding: [1, 2], dilation: [1, 2], groups: 2 }),
    [[2, 4, 7, 6], [6, 2, 3, 2], [6]],
  ],
  [
    'conv2d, stride beyond the kernel',
    (x, w) => ops.conv2d(x, w, undefined, { stride: 3 }),
    [
      [2, 2, 7, 8],
      [3, 2, 1, 2],
    ],
  ],
  [
    "conv2d by Winograd's method",
    (x, w, b) => ops.conv2d(x, w, b, { padding: [1, 2] }),
    [[2, 9, 7, 5], [8, 9, 3, 3], [8]],
  ],
  ['conv2d over 17 filters', (x, w, b) => ops.conv2d(x, w, b, { padding: 1 }), [[1, 2, 3, 3], [17, 2, 3, 3], [17]]],
  [
    'conv2d over 17 channels',
    (x, w) => ops.conv2d(x, w, undefined, { padding: 1 }),
    [
      [1, 17, 3, 2],
      [3, 17, 3, 3],
    ],
  ],
  [
    'conv2d, depthwise',
    (x, w, b) => ops.conv2d(x, w, b, { padding: 1, stride: 2, groups: 3 }),
    [[2, 3, 5, 9], [6, 1, 3, 3], [6]],
  ],
  [
    'convTranspose2d, depthwise',
    (x, w) => ops.convTranspose2d(x, w, undefined, { stride: 2, groups: 3 }),
    [
      [2, 3, 3, 2],
      [3, 1, 2, 3],
    ],
  ],
  [
    'convTranspose2d',
    (x, w, b) => ops.convTranspose2d(x, w, b, { stride: 2, padding: 1, outputPadding: 1 }),
    [[2, 3, 3, 2], [3, 5, 3, 3], [5]],
  ],
  [
    'convTranspose2d with groups',
    (x, w, b) => ops.convTranspose2d(x, w, b, { dilation: 2, groups: 2 }),
    [[1, 4, 3, 2], [4, 3, 2, 3], [6]],
  ],
  [
    'attention',
    (q, k, v) => ops.scaledDotProductAttention(q, k, v),
    [
      [2, 3, 5],
      [2, 4, 5],
      [2, 4, 3],
    ],
  ],
  [
    'causal attention',
    (q, k, v) => ops.scaledDotProductAttention(q, k, v, { causal: true }),
    [
      [2, 4, 3],
      [2, 4, 3],
      [2, 4, 3],
    ],
  ],
  [
    'causal attention in a window',
    (q, k, v) => ops.scaledDotProductAttention(q, k, v, { causal: true, window: 3 }),
    [
      [2, 17, 1],
      [2, 19, 1],
      [2, 19, 2],
    ],
  ],
  [
    'attention in a window, with padding',
    (q, k, v) => ops.scaledDotProductAttention(q, k, v, { window: 2, keyPaddingMask: index }),
    [
      [2, 5, 3],
      [2, 3, 3],
      [2, 3, 5],
    ],
  ],
  [
    'attention by a matrix of weights',
    (q, k, v) => ops.attentionWeights(q, k, { window: 1, keyPaddingMask: index }).matmul(v),
    [
      [2, 5, 3],
      [2, 3, 3],
      [2, 3, 5],
    ],
  ],
  ['attention of heads in one tensor', (x) => ops.multiHeadSelfAttention(x, 2, { causal: true }), [[2, 5, 12]]],
];
test.each(structural)('%s', (_, f, shapes) => expectGradient(f, shapes, { tolerance: 8e-3 }));

type CellName = Parameters<typeof ops.recurrent>[0];
const gates: Record<CellName, number> = { rnnTanh: 1, rnnRelu: 1, lstm: 4, gru: 3 };

describe.each(Object.keys(gates) as CellName[])('recurrent %s', (cell) => {
  const rows = (hidden: number) => (gates[cell] as number) * hidden;
  const states = cell === 'lstm' ? 2 : 1;
  /** Everything a layer gives, as one tensor. */
  const all = ({ sequence, hidden, cell: c }: ReturnType<typeof ops.recurrent>): Tensor =>
    ops.concat(
      [sequence, hidden, ...(c ? [c] : [])].map((t) => t.flatten()),
      0,
    );

  test.each([
    [1, 1, 1, 1],
    [2, 3, 2, 5],
    [3, 2, 5, 7],
    [2, 2, 3, 11],
  ])('%i samples, %i steps, %i features, hidden %i', (batch, time, features, hidden) => {
    expectGradient(
      (x, wi, wh, bi, bh) => all(ops.recurrent(cell, x, { input: wi, hidden: wh, bias: { input: bi, hidden: bh } })),
      [[batch, time, features], [rows(hidden), features], [rows(hidden), hidden], [rows(hidden)], [rows(hidden)]],
      { low: -0.9, high: 0.9, step: cell === 'rnnRelu' ? 1e-3 : 4e-3, tolerance: 8e-3 },
    );
  });

  test.each([false, true])('initial states and lengths, reverse %s', (reverse) => {
    const [batch, time, features, hidden] = [3, 4, 2, 5];
    const lengths = ops.tensor([2, 4, 1], { dtype: 'i32' });
    expectGradient(
      (x, wi, wh, h0, c0) =>
        all(ops.recurrent(cell, x, { input: wi, hidden: wh }, { h0, ...(states === 2 && { c0 }), lengths, reverse })),
      [
        [batch, time, features],
        [rows(hidden), features],
        [rows(hidden), hidden],
        [batch, hidden],
        ...(states === 2 ? [[batch, hidden]] : []),
      ],
      { low: -0.9, high: 0.9, step: cell === 'rnnRelu' ? 1e-3 : 4e-3, tolerance: 8e-3 },
    );
  });
});
/** Values far apart from each other in no order, so that a small step changes no maximum. */
function farApart(x: Tensor): Tensor {
  const shape = x.shape as number[];
  const size = shape.reduce((n, d) => n * d, 1);
  return x
    .mul(0.01)
    .add(ops.tensor(Float32Array.from({ length: size }, (_, i) => ((i * 37) % size) * 0.1)).reshape(shape));
}

const largest: [string, (x: Tensor) => Tensor, number[][]][] = [
  ['maxPool2d', (x) => ops.maxPool2d(x, 2), [[2, 3, 5, 11]]],
  ['maxPool2d over overlapping windows', (x) => ops.maxPool2d(x, 3, { stride: 2, padding: 1 }), [[2, 1, 5, 6]]],
  ['maxPool2d, dilated', (x) => ops.maxPool2d(x, [2, 3], { dilation: 2, stride: 1, ceilMode: true }), [[1, 2, 5, 7]]],
  ['maxPool1d', (x) => ops.maxPool1d(x, 3, { padding: 1 }), [[2, 3, 7]]],
];
test.each(largest)('%s', (_, f, shapes) =>
  expectGradient((x) => f(farApart(x)), shapes, { step: 0.25, tolerance: 1e-3 }),
);
