/**
 * Attention, forward and backward, on one thread: the fused kernel (what `nn.CausalSelfAttention` does without dropout) beside the matrix of all weights, and how
 * time and memory grow with the context: `node bench/attention.ts [--quick]`.
 */
import { ops, type Tensor } from '@lockstep/core';
import { AddressSpace, buildProgram, instantiateKernels, loadKernelModule, planProgram } from '@lockstep/core/internal';

interface Shape {
  readonly name: string;
  readonly batch: number;
  readonly time: number;
  readonly heads: number;
  readonly depth: number;
  readonly window?: number;
}
type Variant = (shape: Shape) => Record<string, Tensor>;

const quick = process.argv.includes('--quick');
const field = (name: string, { batch, time }: Shape, width: number): Tensor =>
  ops.input(name, [batch, time, width], 'f32');
const widthOf = ({ heads, depth }: Shape): number => heads * depth;
const withGradients = (y: Tensor, inputs: Tensor[], gradient: Tensor): Record<string, Tensor> => {
  const gradients = ops.grad(y.mul(gradient).sum(), inputs);
  return { y, ...Object.fromEntries(gradients.map((g, i) => [`d${i}`, g])) };
};
const separate =
  (attend: (q: Tensor, k: Tensor, v: Tensor, shape: Shape) => Tensor): Variant =>
  (shape) => {
    const inputs = ['q', 'k', 'v'].map((name) => field(name, shape, widthOf(shape))) as [Tensor, Tensor, Tensor];
    return withGradients(attend(...inputs, shape), inputs, field('g', shape, widthOf(shape)));
  };
const range = (window: number | undefined) => ({ causal: true, ...(window !== undefined && { window }) });

const variants: Record<string, Variant> = {
  matrix: separate((q, k, v, { batch, time, heads, depth, window }) => {
    const split = (x: Tensor) => x.reshape([batch, time, heads, depth]).permute([0, 2, 1, 3]);
    const weights = ops.attentionWeights(split(q), split(k), range(window));
    return weights
      .matmul(split(v))
      .permute([0, 2, 1, 3])
      .reshape([batch, time, heads * depth]);
  }),
  fused: separate((q, k, v, { heads, window }) => ops.multiHeadAttention(q, k, v, heads, range(window))),
  'fused, one projection': (shape) => {
    const qkv = field('qkv', shape, 3 * widthOf(shape));
    const y = ops.multiHeadSelfAttention(qkv, shape.heads, range(shape.window));
    return withGradients(y, [qkv], field('g', shape, widthOf(shape)));
  },
};

interface Prepared {
  readonly run: () => void;
  /** Of everything between inputs and outputs. */
  readonly workingBytes: number;
}

const { module } = loadKernelModule({ widen: !process.argv.includes('--plain') });

function prepare(variant: Variant, shape: Shape): Prepared {
  const program = buildProgram({ outputs: variant(shape) });
  const plan = planProgram({ program, layout: { entries: [], trained: 0, length: 0 }, segments: [1] });
  const space = new AddressSpace();
  const addresses = {
    parameters: 0,
    scalars: {},
    results: [],
    inputs: space.reserveAll(plan.inputBytes),
    context: space.reserve(256),
    arena: space.reserve(plan.arenaBytes),
    scratch: space.reserve(plan.scratchBytes),
    outputs: space.reserveAll(plan.outputBytes),
  };
  const tape = plan.encode(addresses);
  const tapeAt = space.reserve(tape.byteLength);
  const memory = space.createMemory();
  for (const [name, at] of Object.entries(addresses.inputs)) {
    const values = new Float32Array(memory.buffer, at, (plan.inputBytes[name] as number) / 4);
    for (let i = 0; i < values.length; i++) values[i] = ((i * 2654435761) % 4096) / 1024 - 2;
  }
  new Uint32Array(memory.buffer, tapeAt, tape.length).set(tape);
  const kernels = instantiateKernels(module, memory);
  // A plan with a matrix product reserves its packing buffers whatever the shapes; they are no working memory of attention.
  const packing = program.nodes.some(({ op }) => op === 'matmul') ? plan.scratchBytes : 0;
  return {
    run: () => kernels.run(tapeAt, tapeAt + tape.byteLength),
    workingBytes: plan.arenaBytes + plan.scratchBytes - packing,
  };
}

/** Milliseconds of one call of each: medians of windows that take turns. */
function compare(calls: readonly (() => void)[]): number[] {
  const [windows, windowMs] = quick ? [1, 0] : [15, 20];
  const times = calls.map(() => [] as number[]);
  for (let window = 0; window <= windows; window++) {
    for (const [i, call] of calls.entries()) {
      const start = performance.now();
      let count = 0;
      do {
        call();
        count++;
      } while (performance.now() - start < windowMs);
      if (window > 0) times[i]?.push((performance.now() - start) / count);
    }
  }
  return times.map((all) => all.sort((a, b) => a - b)[all.length >> 1] as number);
}

const shapes: Shape[] = [
  { name: 'W3: 12 x 64, 4 heads of 32', batch: 12, time: 64, heads: 4, depth: 32 },
  { name: 'W6: 4 x 256, 6 heads of 64', batch: 4, time: 256, heads: 6, depth: 64 },
  { name: '1 x 1024, 4 heads of 64', batch: 1, time: 1024, heads: 4, depth: 64 },
  { name: '1 x 1024, 4 heads of 64, window 64', batch: 1, time: 1024, heads: 4, depth: 64, window: 64 },
];
const names = Object.keys(variants);
console.log(`causal attention, forward + backward, ms per call | ${names.join(' | ')}`);
for (const shape of shapes) {
  const times = compare(names.map((name) => prepare(variants[name] as Variant, shape).run));
  const ratios = times.map((ms) => `${ms.toFixed(3)} (${((times[0] as number) / ms).toFixed(2)}x)`);
  console.log(`${shape.name} | ${ratios.join(' | ')}`);
}

console.log('\ncontext (1 sample, 4 heads of 64) | matrix ms | matrix MiB | fused ms | fused MiB');
for (const time of quick ? [64, 128] : [256, 512, 1024, 2048, 4096]) {
  const shape = { name: '', batch: 1, time, heads: 4, depth: 64 };
  const cells = ['matrix', 'fused'].map((name) => {
    if (name === 'matrix' && time > 2048) return '- | -';
    const { run, workingBytes } = prepare(variants[name] as Variant, shape);
    return `${compare([run])[0]?.toFixed(2)} | ${(workingBytes / 2 ** 20).toFixed(2)}`;
  });
  console.log(`${time} | ${cells.join(' | ')}`);
}
