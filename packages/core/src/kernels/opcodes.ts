/**
 * Every kernel, by the AssemblyScript file (`packages/core/kernels/<file>.ts`) that exports it. What each one computes and
 * which arguments it takes is the table in docs/kernels.md; `scripts/build-kernels.ts` makes the dispatcher from this one.
 * The place in the table is the opcode, so a change here changes `kernels.wasm` and with it the kernel hash.
 */
// biome-ignore format: a line per group, not per name
export const kernelTable = {
  elementwise: [
    'neg', 'exp', 'log', 'sqrt', 'rsqrt', 'reciprocal', 'square', 'abs', 'sign', 'sin', 'cos', 'relu', 'sigmoid', 'tanh',
    'gelu', 'geluTanh', 'silu', 'softplus', 'erf',
    'addScalar', 'mulScalar', 'powScalar', 'leakyRelu', 'elu',
  ],
  'activation-gradients': [
    'reluGrad', 'sigmoidGrad', 'tanhGrad', 'geluGrad', 'geluTanhGrad', 'siluGrad', 'softplusGrad',
    'leakyReluGrad', 'eluGrad',
  ],
  binary: ['add', 'sub', 'mul', 'div', 'maximum', 'minimum', 'greater', 'greaterEqual', 'equal', 'where'],
  movement: ['fill', 'literal', 'stridedCopy', 'castU8F32', 'castU8I32', 'castI32F32', 'castF32I32'],
  reduce: ['reduceSum', 'reduceMax', 'argmax', 'segmentSum'],
  softmax: ['softmax', 'logSoftmax', 'softmaxGrad', 'logSoftmaxGrad', 'causalSoftmax', 'scaledSoftmaxGrad'],
  norm: ['layerNorm', 'layerNormGradInput', 'layerNormGradWeight'],
  index: ['embedding', 'embeddingGrad', 'gatherLast', 'gatherLastGrad', 'replaceIndex', 'differs'],
  adjacency: ['adjacencyPointers', 'adjacencyColumns', 'missingLoops', 'loopPointers', 'loopColumns'],
  sparse: [
    'sparseProduct', 'sparseProductGradInput', 'sparseProductGradWeights', 'edgeSources', 'edgeSourcesGrad',
  ],
  range: ['rangeCounts', 'rangeSum', 'rangeSpread', 'rangeMax', 'rangeMaxGrad', 'rangeSoftmax', 'rangeSoftmaxGrad'],
  loss: ['crossEntropy', 'crossEntropyGrad'],
  'soft-loss': ['softCrossEntropy', 'softCrossEntropyGrad', 'weightedCrossEntropy', 'weightedCrossEntropyGrad'],
  'binary-loss': ['binaryCrossEntropy', 'binaryCrossEntropyGrad'],
  check: ['checkValues'],
  random: ['dropout', 'randomUniform', 'randomNormal'],
  warp: ['affineWarp', 'affineWarpGrad'],
  matmul: ['matmul', 'matmulThen'],
  channels: ['channelSum', 'channelDot', 'channelAffine'],
  'batch-norm': ['batchMoments', 'batchNorm', 'batchNormSums', 'batchNormGrad', 'segmentFirst'],
  pool: ['maxPool', 'maxPoolGrad', 'averagePool', 'averagePoolGrad'],
  conv: ['conv2d', 'conv2dGradInput'],
  'conv-weight': ['conv2dGradWeight'],
  winograd: ['winograd', 'winogradGradInput'],
  'winograd-weight': ['winogradGradWeight'],
  depthwise: ['depthwise2d', 'depthwise2dGradInput', 'depthwise2dGradWeight'],
  attention: ['attention'],
  'attention-gradient': ['attentionGrad'],
  'matmul-packed': ['packRight', 'matmulPacked'],
  'rnn-cell': ['rnnTanhCell', 'rnnReluCell', 'rnnTanhCellGrad', 'rnnReluCellGrad'],
  'lstm-cell': ['lstmCell', 'lstmCellGrad'],
  'gru-cell': ['gruCell', 'gruCellGrad'],
  'sequence-states': ['checkLengths', 'stateAtEnd', 'statesBefore'],
  averages: ['movingAverage'],
  penalty: ['penalise'],
  update: ['addInto', 'blockSumSquares'],
  bf16: ['roundBf16', 'addIntoBf16'],
  digest: ['hashBlocks'],
  step: ['decide', 'treeSumDoubles'],
  hyper: ['hyper'],
  sgd: ['sgd'],
  adam: ['adamw'],
  adagrad: ['adagrad'],
  adadelta: ['adadelta'],
  rmsprop: ['rmsprop'],
  lion: ['lion'],
  undo: ['track', 'unit', 'keep'],
  initial: ['initialUniform', 'initialNormal'],
} as const;

export type KernelFile = keyof typeof kernelTable;
export type KernelName = (typeof kernelTable)[KernelFile][number];

/** The opcode of each kernel: its place in the table, from 1, so that zeroed memory is never a valid instruction. */
export const opcode = Object.fromEntries(
  Object.values(kernelTable)
    .flat()
    .map((name, index) => [name, index + 1]),
) as Readonly<Record<KernelName, number>>;
