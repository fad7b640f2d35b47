import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { TrainOptions } from '@lockstep/coordinator';
import { data, defineJob, loss, metrics, nn, ops, optim, type Tensor } from '@lockstep/core';
import { curvesOf, type Outcome, outcomeOf, tableOf } from './support/compare-runs.ts';
import type { Example } from './support/example.ts';

// One network on three spirals, trained by every optimizer for the same number of epochs: a table, and the curves of the loss as an SVG.
// `node examples/optimizers.ts` prints it.

const samples = 300;
const epochs = 60;

interface Way {
  readonly optimizer: optim.Optimizer;
  /** Samples of an update; default 30. */
  readonly batch?: number;
}

/** Each with a learning rate that suits it here. */
export const ways = {
  'full-batch descent': { optimizer: optim.sgd({ lr: 0.5 }), batch: samples },
  'stochastic descent': { optimizer: optim.sgd({ lr: 0.02 }), batch: 1 },
  'mini-batch descent': { optimizer: optim.sgd({ lr: 0.2 }) },
  'mini-batch, one cycle': { optimizer: optim.sgd({ lr: optim.oneCycle({ peak: 0.2 }), momentum: 0.9 }) },
  momentum: { optimizer: optim.sgd({ lr: 0.1, momentum: 0.9 }) },
  Nesterov: { optimizer: optim.sgd({ lr: 0.1, momentum: 0.9, nesterov: true }) },
  AdaGrad: { optimizer: optim.adagrad({ lr: 0.1 }) },
  Adadelta: { optimizer: optim.adadelta({ lr: 2 }) },
  RMSprop: { optimizer: optim.rmsprop({ lr: 0.005 }) },
  Adam: { optimizer: optim.adam({ lr: 0.01 }) },
  'Adam, AMSGrad': { optimizer: optim.adam({ lr: 0.01, amsgrad: true }) },
  AdamW: { optimizer: optim.adamW({ lr: 0.01, weightDecay: 0.01 }) },
  Lion: { optimizer: optim.lion({ lr: 0.002, weightDecay: 0.01 }) },
} satisfies Record<string, Way>;
export type WayName = keyof typeof ways;

class SpiralNet extends nn.Module {
  layers = new nn.Sequential(new nn.Linear(2, 32), ops.tanh, new nn.Linear(32, 32), ops.tanh, new nn.Linear(32, 3));

  forward(x: Tensor): Tensor {
    return this.layers.forward(x);
  }
}

export const jobOf = (name: WayName) => {
  const { optimizer, batch = 30 }: Way = ways[name];
  return defineJob({
    name: 'optimizers',
    data: () => ({
      train: data.spirals({ seed: 1, perClass: samples / 3 }),
      test: data.spirals({ seed: 2, perClass: 100 }),
    }),
    model: () => new SpiralNet(),
    batch: { size: batch },
    epochs,
    optimizer,
    evalEvery: epochs * (samples / batch),
    step: ({ model, batch: { x, label } }) => {
      const logits = model.forward(x);
      return { loss: loss.crossEntropy(logits, label), accuracy: metrics.accuracy(logits, label) };
    },
  });
};

export async function compare(options: TrainOptions): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const name of Object.keys(ways) as WayName[]) outcomes.push(await outcomeOf(name, jobOf(name), options));
  return outcomes;
}

function saveCurves(outcomes: readonly Outcome[]): string {
  const path = 'runs/optimizers.svg';
  mkdirSync('runs', { recursive: true });
  writeFileSync(path, curvesOf('Three spirals: loss by optimizer', outcomes));
  return path;
}

/** One comparison serves all figures of a seed. */
const compared = new Map<number, Promise<readonly Outcome[]>>();
function comparison(seed: number): Promise<readonly Outcome[]> {
  const known = compared.get(seed) ?? compare({ seed });
  compared.set(seed, known);
  return known;
}

const lossOf = (outcomes: readonly Outcome[], name: WayName) =>
  outcomes.find((outcome) => outcome.name === name)?.losses.at(-1) as number;

export const example: Example = {
  system: 'optimizers',
  figures: [
    {
      name: 'best test accuracy',
      atLeast: 0.97,
      percent: true,
      async of({ seed }) {
        const outcomes = await comparison(seed);
        saveCurves(outcomes);
        return Math.max(...outcomes.map(({ accuracy }) => accuracy));
      },
    },
    {
      name: 'least, but for full-batch descent',
      atLeast: 0.9,
      percent: true,
      async of({ seed }) {
        const others = (await comparison(seed)).filter(({ name }) => name !== 'full-batch descent');
        return Math.min(...others.map(({ accuracy }) => accuracy));
      },
    },
    {
      name: "Adam's training loss over mini-batch descent's",
      atMost: 0.5,
      async of({ seed }) {
        const outcomes = await comparison(seed);
        return lossOf(outcomes, 'Adam') / lossOf(outcomes, 'mini-batch descent');
      },
    },
  ],
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const outcomes = await compare({});
  console.log(`${tableOf(outcomes)}\n\nCurves: ${saveCurves(outcomes)}`);
}
