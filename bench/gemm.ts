/** GFLOP/s of the matmul kernel on one thread, widened and plain, and beside the micro-kernel by itself: `node bench/gemm.ts [part of a name ...] [--json] [--quick]`. */

import { createHarness, type KernelHarness } from '../packages/core/src/kernels/kernel-harness.ts';
import { microKernelPeak } from './micro-kernel.ts';

interface Shape {
  name: string;
  m: number;
  n: number;
  k: number;
  batch?: number;
  layout?: 'NN' | 'NT' | 'TN';
  segments?: number;
}

const shapes: Shape[] = [
  ...[64, 128, 256, 512, 1024].flatMap((s) =>
    (['NN', 'NT', 'TN'] as const).map((layout) => ({ name: `${s} square`, m: s, n: s, k: s, layout })),
  ),
  { name: 'attention 48 x 64x64x32', m: 64, n: 64, k: 32, batch: 48, layout: 'NT' },
  { name: 'attention 48 x 64x32x64', m: 64, n: 32, k: 64, batch: 48, layout: 'NN' },
  { name: 'attention 48 x 64x64x32', m: 64, n: 64, k: 32, batch: 48, layout: 'TN' },
  { name: 'one row 1x1024x1024', m: 1, n: 1024, k: 1024, layout: 'NN' },
  { name: 'one row 1x1024x1024', m: 1, n: 1024, k: 1024, layout: 'NT' },
  { name: 'head 128x10x1568', m: 128, n: 10, k: 1568, layout: 'NN' },
  ...[
    [1024, 1024, 256, 2],
    [1024, 1024, 256, 16],
    [1024, 1024, 256, 64],
    [128, 128, 768, 12],
    [128, 512, 768, 12],
    [384, 1536, 1024, 4],
    [512, 512, 4096, 16],
    [1024, 256, 2048, 16],
    [1024, 64, 2048, 16],
  ].map(([m = 0, n = 0, k = 0, segments = 0]) => ({
    name: `weight gradient ${m}x${n}x${k}, ${segments} segments`,
    m,
    n,
    k,
    layout: 'TN' as const,
    segments,
  })),
  { name: 'W3 768x128x128', m: 768, n: 128, k: 128, layout: 'NT' },
  { name: 'W3 768x128x128', m: 768, n: 128, k: 128, layout: 'NN' },
  { name: 'W1 256x1024x784', m: 256, n: 1024, k: 784, layout: 'NT' },
  { name: 'W1 256x1024x1024', m: 256, n: 1024, k: 1024, layout: 'NN' },
];

function prepare(h: KernelHarness, { m, n, k, batch = 1, layout = 'NN', segments = 0 }: Shape): () => void {
  const random = (count: number): number =>
    h.f32(Float32Array.from({ length: count }, (_, i) => ((i * 2654435761) % 1000) / 1000 - 0.5));
  const [a, b, out] = [random(batch * m * k), random(batch * k * n), h.alloc(batch * m * n)];
  const aStrides = layout === 'TN' ? [1, m] : [k, 1];
  const bStrides = layout === 'NT' ? [1, k] : [n, 1];
  const seg = segments > 0 ? h.i32(Array.from({ length: segments + 1 }, (_, s) => Math.floor((s * k) / segments))) : 0;
  return () =>
    h.call(
      'matmul',
      out,
      a,
      b,
      m,
      n,
      k,
      ...aStrides,
      ...bStrides,
      batch,
      m * k,
      k * n,
      m * n,
      seg,
      segments,
      0,
      h.scratch,
    );
}

/** Seconds of one call: the best of several rounds of at least `roundMs`. */
function secondsOf(call: () => void): number {
  const [roundMs, rounds] = process.argv.includes('--quick') ? [0, 1] : [5, 20];
  let best = Infinity;
  for (let round = 0; round < rounds; round++) {
    let calls = 0;
    const start = performance.now();
    let now = start;
    do {
      call();
      calls++;
      now = performance.now();
    } while (now - start < roundMs);
    best = Math.min(best, (now - start) / calls / 1000);
  }
  return best;
}

/** Before and after: a machine that becomes slower meanwhile shows in it. */
const peaks = [await microKernelPeak()];
const harnesses = [createHarness({ widen: true }), createHarness({ widen: false })] as const;
const wanted = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const chosen = shapes.filter(({ name }) => wanted.length === 0 || wanted.some((word) => name.includes(word)));
const measured = chosen.map((shape) => {
  const flops = 2 * shape.m * shape.n * shape.k * (shape.batch ?? 1);
  const [widened, plain] = harnesses.map((h) => flops / secondsOf(prepare(h, shape)) / 1e9) as [number, number];
  return {
    shape: shape.name,
    layout: shape.layout ?? 'NN',
    widened: Number(widened.toFixed(1)),
    plain: Number(plain.toFixed(1)),
  };
});
peaks.push(await microKernelPeak());
const peak = Math.max(...peaks);
const rows = measured.map((row) => ({ ...row, 'of peak': Number((row.widened / peak).toFixed(2)) }));
const unit = 'GFLOP/s';
if (process.argv.includes('--json'))
  console.log(JSON.stringify({ unit, widened: harnesses[0].widened, node: process.version, peak, rows }));
else {
  console.log(`${unit}; the micro-kernel by itself, widened: ${peak.toFixed(1)}`);
  console.table(rows);
}
