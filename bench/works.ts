import { fileURLToPath } from 'node:url';

/** One piece of work that every contender does. Its meaning is written once for each: bench/work/ for Lockstep, bench/peers/ for the others. */
export interface Work {
  readonly id: string;
  readonly title: string;
  /** What is counted per second. */
  readonly unit: string;
  /** Units in one step. */
  readonly units: number;
  /** Multiply-adds of the products in one step, forward and backward, for the bound that the micro-kernel sets. */
  readonly multiplyAdds: number;
  /** Samples of a step. */
  readonly batch?: number;
  /** The job that Lockstep trains; a plain product has none. */
  readonly job?: string;
}

const job = (name: string): string => fileURLToPath(new URL(`./work/${name}.ts`, import.meta.url));

/** Forward, and twice that backward; a first layer needs no gradient of its input. */
const dense = (rows: number, inside: number, outside: number, products = 3) => rows * inside * outside * products;

/** Products of a 3 x 3 convolution that gives `side` x `side` pixels. */
const conv3 = (images: number, inside: number, outside: number, side: number, products = 3) =>
  dense(images * side * side, 9 * inside, outside, products);

interface GptSize {
  readonly layers: number;
  readonly heads: number;
  readonly width: number;
  readonly context: number;
  readonly batch: number;
}

function gptMultiplyAdds({ layers, width, context, batch }: GptSize): number {
  const tokens = batch * context;
  // q k^T and its product with v, over the positions that a token may see
  const attention = 2 * 3 * batch * width * ((context * (context + 1)) / 2);
  return layers * (dense(tokens, width, 12 * width) + attention) + dense(tokens, width, 65);
}

const gemm = (size: number): Work => ({
  id: `gemm-${size}`,
  title: `matrix product, ${size} square`,
  unit: 'GFLOP/s',
  units: (2 * size ** 3) / 1e9,
  multiplyAdds: size ** 3,
});

export const works: readonly Work[] = [
  {
    id: 'w1',
    title: 'MLP 784-1024-1024-10, ReLU, cross-entropy, batch 256, Adam',
    unit: 'samples/s',
    units: 256,
    multiplyAdds: dense(256, 784, 1024, 2) + dense(256, 1024, 1024) + dense(256, 1024, 10),
    batch: 256,
    job: job('w1-mlp'),
  },
  {
    id: 'w2',
    title: 'CNN 1x28x28: conv3x3(32), conv3x3(64), max pooling, 128, 10; batch 128, Adam',
    unit: 'images/s',
    units: 128,
    multiplyAdds:
      conv3(128, 1, 32, 26, 2) + conv3(128, 32, 64, 24) + dense(128, 64 * 12 * 12, 128) + dense(128, 128, 10),
    batch: 128,
    job: job('w2-cnn'),
  },
  {
    id: 'w3',
    title: 'GPT, 4 layers, 4 heads, width 128, context 64, batch 12, AdamW, clip 1',
    unit: 'tokens/s',
    units: 12 * 64,
    multiplyAdds: gptMultiplyAdds({ layers: 4, heads: 4, width: 128, context: 64, batch: 12 }),
    batch: 12,
    job: job('w3-gpt'),
  },
  {
    id: 'w4',
    title: 'LSTM 64 to 256, 64 steps, 64 classes at each; batch 32, Adam',
    unit: 'sequences/s',
    units: 32,
    multiplyAdds: dense(32 * 64, 64, 1024, 2) + dense(32 * 64, 256, 1024) + dense(32 * 64, 256, 64),
    batch: 32,
    job: job('w4-lstm'),
  },
  {
    id: 'w5',
    title: 'ResNet-20, 3x32x32, BatchNorm; batch 128, SGD with momentum',
    unit: 'images/s',
    units: 128,
    multiplyAdds:
      conv3(128, 3, 16, 32, 2) +
      6 * conv3(128, 16, 16, 32) +
      conv3(128, 16, 32, 16) +
      5 * conv3(128, 32, 32, 16) +
      conv3(128, 32, 64, 8) +
      5 * conv3(128, 64, 64, 8),
    batch: 128,
    job: job('w5-resnet'),
  },
  {
    id: 'w6',
    title: 'GPT, 6 layers, 6 heads, width 384, context 256, batch 4, AdamW, clip 1',
    unit: 'tokens/s',
    units: 4 * 256,
    multiplyAdds: gptMultiplyAdds({ layers: 6, heads: 6, width: 384, context: 256, batch: 4 }),
    batch: 4,
    job: job('w6-gpt-wide'),
  },
  ...[256, 512, 1024, 2048].map(gemm),
];
