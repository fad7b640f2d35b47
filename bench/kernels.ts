/** Nanoseconds per element of the kernels other than matmul, on one thread, widened and plain: `node bench/kernels.ts [name ...] [--quick]`. */
import {
  createHarness,
  type F32Argument,
  f32,
  type KernelHarness,
} from '../packages/core/src/kernels/kernel-harness.ts';
import type { KernelName } from '../packages/core/src/kernels/opcodes.ts';

interface Operands {
  readonly h: KernelHarness;
  /** Four buffers of floats in [-2, 2). */
  readonly x: readonly [number, number, number, number];
  readonly out: number;
  readonly ctx: number;
}

interface Case {
  readonly name: string;
  readonly kernel: KernelName;
  readonly elements: number;
  readonly args: (o: Operands) => readonly (number | F32Argument)[];
}

/** 32 KiB a buffer: what a thread has at hand in its second-level cache. */
const n = 8192;
const [rows, cols] = [768, 128];
const most = 768 * 256;

const unary = (kernel: KernelName): Case => ({
  name: kernel,
  kernel,
  elements: n,
  args: ({ out, x }) => [out, x[0], n],
});
const pairs = (kernel: KernelName): Case => ({
  name: kernel,
  kernel,
  elements: n,
  args: ({ out, x }) => [out, x[0], x[1], n],
});
const overRows = (kernel: KernelName, columns: number, args: Case['args']): Case => ({
  name: `${kernel} ${rows} x ${columns}`,
  kernel,
  elements: rows * columns,
  args,
});
const segments = (h: KernelHarness): number => h.i32(Array.from({ length: 17 }, (_, s) => (s * rows) / 16));
const strided = (name: string, shape: number[], from: number[]): Case => {
  const pad = (values: number[], fill: number): number[] => [...Array<number>(6 - values.length).fill(fill), ...values];
  const to = shape.map((_, i) => shape.slice(i + 1).reduce((a, b) => a * b, 1));
  const elements = shape.reduce((a, b) => a * b, 1);
  const args: Case['args'] = ({ out, x }) => [out, x[0], ...pad(shape, 1), ...pad(from, 0), ...pad(to, 0)];
  return { name: `stridedCopy ${name}`, kernel: 'stridedCopy', elements, args };
};
/** Rate, scale, updates, two corrections, limit; then the kernel's own options. */
const common = [1e-3, 1, 7, 0.1, 0.03, Number.POSITIVE_INFINITY];
const optimizer = (kernel: KernelName, vectors: number, options: readonly number[], name: string = kernel): Case => ({
  name,
  kernel,
  elements: n,
  args: ({ h, x }) => {
    const state = Array.from({ length: 3 }, (_, i) => (i < vectors ? h.f32(new Float32Array(n).fill(0.5)) : 0));
    return [x[0], x[1], n, h.f32([...common, ...options]), ...state];
  },
});

const cases: Case[] = [
  ...(['relu', 'exp', 'log', 'tanh', 'sigmoid', 'erf', 'gelu', 'geluTanh', 'silu', 'softplus', 'sin'] as const).map(
    unary,
  ),
  ...(['geluGrad', 'geluTanhGrad', 'siluGrad', 'reluGrad'] as const).map(pairs),
  { name: 'powScalar 1.5', kernel: 'powScalar', elements: n, args: ({ out, x }) => [out, x[0], n, f32(1.5)] },
  { name: 'add', kernel: 'add', elements: n, args: ({ out, x }) => [out, x[0], x[1], 64, n / 64, 0, 0] },
  { name: 'add bias row', kernel: 'add', elements: n, args: ({ out, x }) => [out, x[0], x[1], 64, n / 64, 0, 1] },
  { name: 'mul column', kernel: 'mul', elements: n, args: ({ out, x }) => [out, x[0], x[1], 64, n / 64, 0, 2] },
  { name: 'where', kernel: 'where', elements: n, args: ({ out, x }) => [out, x[0], x[1], x[2], n] },
  overRows('softmax', 65, ({ out, x }) => [out, x[0], rows, 65]),
  overRows('softmax', 128, ({ out, x }) => [out, x[0], rows, 128]),
  overRows('logSoftmax', 65, ({ out, x }) => [out, x[0], rows, 65]),
  overRows('softmaxGrad', 65, ({ out, x }) => [out, x[0], x[1], rows, 65]),
  overRows('causalSoftmax', 64, ({ out, x }) => [out, x[0], rows / 64, 64, 64, f32(0.2)]),
  overRows('crossEntropy', 65, ({ h, out, x, ctx }) => [out, x[0], h.alloc(rows), rows, 65, -100, ctx, 1]),
  {
    name: 'crossEntropy 64 x 3072',
    kernel: 'crossEntropy',
    elements: 64 * 3072,
    args: ({ h, out, x, ctx }) => [out, x[0], h.alloc(64), 64, 3072, -100, ctx, 1],
  },
  overRows('crossEntropyGrad', 65, ({ h, out, x }) => [out, x[0], h.alloc(rows), x[1], rows, 65, -100]),
  overRows('layerNorm', cols, ({ out, x }) => [out, x[0], x[1], x[2], rows, cols, f32(1e-5)]),
  overRows('layerNormGradInput', cols, ({ out, x }) => [out, x[0], x[1], x[2], rows, cols, f32(1e-5)]),
  overRows('layerNormGradWeight', cols, ({ h, out, x }) => [
    out,
    x[0],
    x[1],
    segments(h),
    16,
    cols,
    f32(1e-5),
    h.alloc(65 * cols),
  ]),
  overRows('reduceSum', cols, ({ out, x }) => [out, x[0], rows, cols, 1]),
  overRows('reduceMax', cols, ({ out, x }) => [out, x[0], rows, cols, 1]),
  overRows('argmax', cols, ({ out, x }) => [out, x[0], rows, cols, 1]),
  overRows('segmentSum', cols, ({ h, out, x }) => [out, x[0], segments(h), 16, cols, h.alloc(64 * cols)]),
  strided('transpose 256 x 256', [256, 256], [1, 256]),
  strided('heads 12 x 64 x 4 x 32', [12, 4, 64, 32], [64 * 128, 32, 128, 1]),
  strided('images 8 x 16 x 28 x 28 to 28 x 28 x 16', [8, 28, 28, 16], [16 * 784, 28, 1, 784]),
  strided('every second', [8192], [2]),
  strided('broadcast column 128 x 128', [128, 128], [1, 0]),
  overRows('embedding', cols, ({ h, out, x, ctx }) => [out, x[0], h.alloc(rows), rows, cols, 256, ctx, 1]),
  overRows('dropout', cols, ({ out, x, ctx }) => [out, x[0], rows, cols, 5, f32(0.1), ctx, 0]),
  overRows('randomUniform', cols, ({ out, ctx }) => [out, rows, cols, 5, ctx, 0]),
  overRows('randomNormal', cols, ({ out, ctx }) => [out, rows, cols, 5, ctx, 0]),
  { name: 'addInto', kernel: 'addInto', elements: n, args: ({ out, x }) => [out, x[0], x[1], n] },
  { name: 'blockSumSquares', kernel: 'blockSumSquares', elements: n, args: ({ out, x }) => [out, x[0], n] },
  optimizer('sgd', 0, [0, 0, 0.01, 0]),
  optimizer('sgd', 1, [0.9, 0, 0.01, 0], 'sgd, momentum'),
  optimizer('adamw', 2, [0.9, 0.999, 1e-8, 0.01, 1]),
  optimizer('adamw', 3, [0.9, 0.999, 1e-8, 0.01, 1], 'adamw, amsgrad'),
  optimizer('adagrad', 1, [0, 0.01, 0, 1e-10]),
  optimizer('adadelta', 2, [0.9, 0.1, 1e-6, 0.01]),
  optimizer('rmsprop', 1, [0.99, 0.01, 1e-8, 0.01, 0]),
  optimizer('rmsprop', 3, [0.99, 0.01, 1e-8, 0.01, 0.9], 'rmsprop, centred, momentum'),
  optimizer('lion', 1, [0.9, 0.1, 0.99, 0.01, 0.01]),
  { name: 'hashBlocks', kernel: 'hashBlocks', elements: n, args: ({ out, x }) => [out, x[0], n * 4] },
];

/** Seconds of one call: the best of several rounds. The values stay what they were: results go elsewhere, but for the optimizers'. */
function secondsOf(call: () => void): number {
  const [roundMs, rounds] = process.argv.includes('--quick') ? [0, 1] : [5, 10];
  let best = Infinity;
  let calls = 1;
  for (let round = 0; round < rounds; ) {
    const start = performance.now();
    for (let i = 0; i < calls; i++) call();
    const ms = performance.now() - start;
    if (ms < roundMs) {
      calls *= 2;
      continue;
    }
    best = Math.min(best, ms / calls);
    round++;
  }
  return best / 1000;
}

function open(widen: boolean): Operands {
  const h = createHarness({ widen });
  const floats = (seed: number): number =>
    h.f32(Float32Array.from({ length: most }, (_, i) => (((i + seed) * 2654435761) % 4096) / 1024 - 2));
  return {
    h,
    x: [floats(1), floats(2), floats(3), h.f32(new Float32Array(most).fill(0.5))],
    out: h.alloc(most),
    ctx: h.alloc(64),
  };
}

const wanted = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const modes = [open(true), open(false)];
console.log(
  `| kernel | ${modes[0]!.h.widened ? 'widened' : 'not widened here'} | plain | ns per element, Node ${process.version} |`,
);
console.log('|---|---|---|---|');
for (const { name, kernel, elements, args } of cases) {
  if (wanted.length > 0 && !wanted.includes(kernel)) continue;
  const ns = modes.map((o) => {
    const list = args(o);
    return (secondsOf(() => o.h.call(kernel, ...list)) / elements) * 1e9;
  });
  console.log(`| ${name} | ${ns.map((value) => value.toFixed(3)).join(' | ')} | ${(ns[1]! / ns[0]!).toFixed(2)} |`);
}
