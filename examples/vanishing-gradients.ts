import { mkdirSync, writeFileSync } from 'node:fs';
import { type RunEvent, train } from '@lockstep/coordinator';
import { type AnyJob, data, defineJob, loss, metrics, nn, ops, optim, type Tensor } from '@lockstep/core';
import type { Example, FinishedRun } from './support/example.ts';
import { lineChart } from './support/svg.ts';

// Twenty layers deep: how much of the gradient is left in the first one. Sigmoids take at least three quarters of it at each layer, weights
// that are too large multiply it; Kaiming's initial weights, residual connections and normalisation keep it. (Activations grow forward as
// the gradient grows backward, so weights that are too large show in the size of all norms, not in their ratio.)

const depth = 20;
const width = 32;

interface Kind {
  readonly activation: (x: Tensor) => Tensor;
  readonly init: nn.init.Initializer;
  readonly residual?: boolean;
  readonly norm?: boolean;
}

const kaiming = nn.init.kaimingNormal({ nonlinearity: 'relu' });
const kinds = {
  sigmoid: { activation: ops.sigmoid, init: nn.init.xavierUniform() },
  'ReLU, Kaiming': { activation: ops.relu, init: kaiming },
  'ReLU, weights too large': { activation: ops.relu, init: nn.init.normal(0.75) },
  'sigmoid, residual': { activation: ops.sigmoid, init: nn.init.xavierUniform(), residual: true },
  'sigmoid, layer norm': { activation: ops.sigmoid, init: nn.init.xavierUniform(), norm: true },
} satisfies Record<string, Kind>;
type KindName = keyof typeof kinds;

class Block extends nn.Module {
  linear: nn.Linear;
  norm: nn.LayerNorm | undefined;
  readonly #kind: Kind;
  constructor(kind: Kind) {
    super();
    this.#kind = kind;
    this.linear = new nn.Linear(width, width, { init: kind.init });
    this.norm = kind.norm ? new nn.LayerNorm(width) : undefined;
  }
  forward(x: Tensor): Tensor {
    const y = this.#kind.activation(this.linear.forward(x));
    const normalised = this.norm ? this.norm.forward(y) : y;
    return this.#kind.residual ? x.add(normalised) : normalised;
  }
}

class Deep extends nn.Module {
  first = new nn.Linear(2, width);
  blocks: Block[];
  head = new nn.Linear(width, 3);
  constructor(kind: Kind) {
    super();
    this.blocks = Array.from({ length: depth }, () => new Block(kind));
  }
  forward(x: Tensor): Tensor {
    return this.head.forward(this.blocks.reduce((y, block) => block.forward(y), this.first.forward(x)));
  }
}

export const jobOf = (kind: KindName) =>
  defineJob({
    name: 'vanishing-gradients',
    data: () => ({ train: data.spirals({ seed: 1 }) }),
    model: () => new Deep(kinds[kind]),
    batch: { size: 64 },
    steps: 1,
    optimizer: optim.sgd({ lr: 1e-3 }),
    clipNorm: 1,
    watchEvery: 1,
    step: ({ model, batch }) => {
      const logits = model.forward(batch.x);
      return { loss: loss.crossEntropy(logits, batch.label), accuracy: metrics.accuracy(logits, batch.label) };
    },
  });

export default jobOf('sigmoid');

/** Norm of the gradient of each block's weight at the first step, from the first block to the last. */
async function normsByDepth(job: AnyJob, seed: number): Promise<number[]> {
  const run = train(job, { seed });
  let layers: Extract<RunEvent, { type: 'layers' }> | undefined;
  for await (const event of run) if (event.type === 'layers') layers = event;
  await (await run.done).model.close();
  return Array.from({ length: depth }, (_, i) => layers?.gradientNorms[`blocks.${i}.linear.weight`] as number);
}

/** What is left of the last block's gradient in the first one. */
async function left(kind: KindName, { seed }: FinishedRun): Promise<number> {
  const norms = await normsByDepth(jobOf(kind), seed);
  return (norms[0] as number) / (norms.at(-1) as number);
}

async function draw(seed: number): Promise<void> {
  const series = [];
  for (const name of Object.keys(kinds) as KindName[]) {
    const norms = await normsByDepth(jobOf(name), seed);
    series.push({ name, points: norms.map((norm, i) => [i + 1, norm] as const) });
  }
  mkdirSync('runs', { recursive: true });
  const title = 'Norm of the gradient at the first step';
  writeFileSync('runs/vanishing-gradients.svg', lineChart({ title, x: 'layer', y: 'norm', series, logY: true }));
}

export const example: Example = {
  system: 'vanishing and exploding gradients',
  figures: [
    {
      name: 'gradient of layer 1 over layer 20, sigmoid',
      atMost: 1e-6,
      async of(run) {
        await draw(run.seed);
        return left('sigmoid', run);
      },
    },
    { name: 'ReLU with Kaiming weights', atLeast: 0.1, of: (run) => left('ReLU, Kaiming', run) },
    {
      name: 'norm of it with ReLU and weights too large',
      atLeast: 1e6,
      of: async ({ seed }) => (await normsByDepth(jobOf('ReLU, weights too large'), seed))[0] as number,
    },
    { name: 'sigmoid with residual connections', atLeast: 0.1, of: (run) => left('sigmoid, residual', run) },
    { name: 'sigmoid with layer norm', atLeast: 0.1, of: (run) => left('sigmoid, layer norm', run) },
  ],
};
