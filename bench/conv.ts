/**
 * GFLOP/s of convolution on one thread, forward and both gradients, beside the matrix product's: `node bench/conv.ts [--json] [--quick]`. Those of a
 * direct convolution are counted: Winograd's method may give more than the processor can.
 */
import { createHarness, type KernelHarness } from '../packages/core/src/kernels/kernel-harness.ts';
import { type ConvSizes, sizeWords } from '../packages/core/src/ops/conv-geometry.ts';
import { isWinograd, winogradForward, winogradInput, winogradWeight } from '../packages/core/src/ops/winograd-sizes.ts';

interface Shape {
  readonly name: string;
  readonly samples: number;
  readonly segments: number;
  readonly channels: number;
  readonly filters: number;
  readonly size: number;
  readonly kernel: number;
  readonly padding: number;
  readonly stride?: number;
  readonly groups?: number;
}

const shapes: Shape[] = [
  {
    name: 'W2 1 to 32, 3x3 on 28x28',
    samples: 128,
    segments: 16,
    channels: 1,
    filters: 32,
    size: 28,
    kernel: 3,
    padding: 0,
  },
  {
    name: 'W2 32 to 64, 3x3 on 26x26',
    samples: 128,
    segments: 16,
    channels: 32,
    filters: 64,
    size: 26,
    kernel: 3,
    padding: 0,
  },
  {
    name: 'W5 3 to 16, 3x3 on 32x32',
    samples: 64,
    segments: 8,
    channels: 3,
    filters: 16,
    size: 32,
    kernel: 3,
    padding: 1,
  },
  {
    name: 'W5 16 to 16, 3x3 on 32x32',
    samples: 64,
    segments: 8,
    channels: 16,
    filters: 16,
    size: 32,
    kernel: 3,
    padding: 1,
  },
  {
    name: 'W5 16 to 32, 3x3 on 32x32, stride 2',
    samples: 64,
    segments: 8,
    channels: 16,
    filters: 32,
    size: 32,
    kernel: 3,
    padding: 1,
    stride: 2,
  },
  {
    name: 'W5 32 to 64, 3x3 on 16x16, stride 2',
    samples: 64,
    segments: 8,
    channels: 32,
    filters: 64,
    size: 16,
    kernel: 3,
    padding: 1,
    stride: 2,
  },
  {
    name: 'W5 32 to 32, 3x3 on 16x16',
    samples: 64,
    segments: 8,
    channels: 32,
    filters: 32,
    size: 16,
    kernel: 3,
    padding: 1,
  },
  {
    name: 'W5 64 to 64, 3x3 on 8x8',
    samples: 64,
    segments: 8,
    channels: 64,
    filters: 64,
    size: 8,
    kernel: 3,
    padding: 1,
  },
  {
    name: '64 to 64, 1x1 on 16x16',
    samples: 64,
    segments: 8,
    channels: 64,
    filters: 64,
    size: 16,
    kernel: 1,
    padding: 0,
  },
  {
    name: '128 to 128, 3x3 on 14x14',
    samples: 16,
    segments: 2,
    channels: 128,
    filters: 128,
    size: 14,
    kernel: 3,
    padding: 1,
  },
  {
    name: 'depthwise 64, 3x3 on 16x16',
    samples: 64,
    segments: 8,
    groups: 64,
    channels: 1,
    filters: 1,
    size: 16,
    kernel: 3,
    padding: 1,
  },
  {
    name: 'depthwise 64, 3x3 on 16x16, stride 2',
    samples: 64,
    segments: 8,
    groups: 64,
    channels: 1,
    filters: 1,
    size: 16,
    kernel: 3,
    padding: 1,
    stride: 2,
  },
];

type Pass = 'forward' | 'input' | 'weight';

function prepare(h: KernelHarness, s: Shape, pass: Pass): { call: () => void; flops: number } {
  const random = (count: number): number =>
    h.f32(Float32Array.from({ length: count }, (_, i) => ((i * 2654435761) % 1000) / 1000 - 0.5));
  const { samples, channels, filters, size, kernel, padding, stride = 1, groups = 1 } = s;
  const out = Math.floor((size + 2 * padding - kernel) / stride) + 1;
  const [x, y] = [random(samples * groups * channels * size ** 2), random(samples * groups * filters * out ** 2)];
  const w = random(groups * filters * channels * kernel ** 2);
  const pair = (n: number) => [n, n] as const;
  const convolution: ConvSizes = {
    ...{ groups, channels, filters, size: pair(size), kernel: pair(kernel), out: pair(out) },
    ...{ stride: pair(stride), before: pair(padding), dilation: pair(1) },
  };
  const sizes = sizeWords(samples, convolution);
  const seg = h.i32(Array.from({ length: s.segments + 1 }, (_, i) => Math.floor((i * samples) / s.segments)));
  const flops = 2 * samples * groups * filters * out ** 2 * channels * kernel ** 2;
  if (isWinograd(convolution)) {
    const { strips, bytes } = {
      forward: () => winogradForward(convolution),
      input: () => winogradInput(convolution),
      weight: () => winogradWeight(convolution, s.segments),
    }[pass]();
    const scratch = h.alloc(bytes / 4);
    const call = {
      forward: () => h.call('winograd', y, x, w, 0, ...sizes, 0, strips, scratch),
      input: () => h.call('winogradGradInput', x, y, w, 0, ...sizes, 0, strips, scratch),
      weight: () => h.call('winogradGradWeight', w, x, y, seg, s.segments, ...sizes, strips, scratch),
    }[pass];
    return { call, flops };
  }
  const depthwise = groups > 1 && channels === 1;
  const call = {
    forward: () =>
      h.call(depthwise ? 'depthwise2d' : 'conv2d', y, x, w, 0, ...sizes, ...(depthwise ? [] : [0]), h.scratch),
    input: () => h.call(depthwise ? 'depthwise2dGradInput' : 'conv2dGradInput', x, y, w, 0, ...sizes, h.scratch),
    weight: () =>
      h.call(depthwise ? 'depthwise2dGradWeight' : 'conv2dGradWeight', w, x, y, seg, s.segments, ...sizes, h.scratch),
  }[pass];
  return { call, flops };
}

/** Seconds of one call: the best of several rounds. */
function secondsOf(call: () => void): number {
  const rounds = process.argv.includes('--quick') ? 1 : 12;
  let best = Infinity;
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    call();
    best = Math.min(best, (performance.now() - start) / 1000);
  }
  return best;
}

/** The matrix product of 512 square, as the measure of what the micro-kernel gives here. */
function gemm(h: KernelHarness): number {
  const [n, a, b, out] = [512, h.alloc(512 ** 2), h.alloc(512 ** 2), h.alloc(512 ** 2)];
  const call = () => h.call('matmul', out, a, b, n, n, n, n, 1, n, 1, 1, 0, 0, 0, 0, 0, 0, h.scratch);
  return (2 * n ** 3) / secondsOf(call) / 1e9;
}

const harnesses = [createHarness({ widen: true }), createHarness({ widen: false })] as const;
const table = harnesses.map((h, mode) => ({
  mode: mode === 0 ? 'widened' : 'plain',
  gemm: gemm(h),
  rows: shapes.map((shape) => {
    const rate = (pass: Pass) => {
      const { call, flops } = prepare(h, shape, pass);
      return Number((flops / secondsOf(call) / 1e9).toFixed(1));
    };
    return { shape: shape.name, forward: rate('forward'), input: rate('input'), weight: rate('weight') };
  }),
}));
if (process.argv.includes('--json'))
  console.log(JSON.stringify({ unit: 'GFLOP/s', widened: harnesses[0].widened, node: process.version, table }));
else {
  for (const { mode, gemm: rate, rows } of table) {
    console.log(`${mode}, GFLOP/s on one thread; matmul 512 square: ${rate.toFixed(1)}`);
    console.table(rows);
  }
}
