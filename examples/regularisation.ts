import { train } from '@lockstep/coordinator';
import {
  type AnyJob,
  data,
  defineJob,
  loss,
  metrics,
  nn,
  optim,
  type Penalty,
  random,
  type Tensor,
} from '@lockstep/core';
import type { Example, FinishedRun } from './support/example.ts';

// Few samples with wrong labels among them: a network learns them by heart and is then sure of what is not so. Each way to regularise it
// gives a better loss on new samples than none.

const features = 20;
const weights = /weight$/;

/** The class is the side of a random plane, and wrong for every fifth training sample. */
function plane(count: number, seed: number, wrong: number) {
  const normal = random.generator(7);
  const direction = Array.from({ length: features }, () => normal.normal());
  const numbers = random.generator(seed);
  const x = Float32Array.from({ length: count * features }, () => numbers.normal());
  const label = Int32Array.from({ length: count }, (_, i) => {
    const side = direction.reduce((sum, d, f) => sum + d * (x[i * features + f] as number), 0) > 0;
    return Number(side !== numbers.uniform() < wrong);
  });
  return data.arrays({ x: { data: x, shape: [count, features] }, label });
}

class Net extends nn.Module {
  hidden = new nn.Linear(features, 64);
  dropout: nn.Dropout;
  head = new nn.Linear(64, 2);
  constructor(dropout: number) {
    super();
    this.dropout = new nn.Dropout(dropout);
  }
  forward(x: Tensor): Tensor {
    return this.head.forward(this.dropout.forward(this.hidden.forward(x).relu()));
  }
}

interface Technique {
  readonly penalties?: readonly Penalty[];
  readonly weightDecay?: number;
  readonly dropout?: number;
  readonly labelSmoothing?: number;
  readonly patience?: number;
}

const techniques: Readonly<Record<string, Technique>> = {
  none: {},
  L1: { penalties: [{ l1: 0.003, params: weights }] },
  L2: { penalties: [{ l2: 0.03, params: weights }] },
  'elastic net': { penalties: [{ l1: 0.002, l2: 0.01, params: weights }] },
  'decoupled weight decay': { weightDecay: 0.3 },
  dropout: { dropout: 0.5 },
  'label smoothing': { labelSmoothing: 0.2 },
  'early stopping': { patience: 5 },
};

export const jobWith = ({ penalties = [], weightDecay = 0, dropout = 0, labelSmoothing = 0, patience }: Technique) =>
  defineJob({
    name: 'regularisation',
    data: () => ({ train: plane(200, 1, 0.2), test: plane(1000, 2, 0) }),
    model: () => new Net(dropout),
    batch: { size: 50 },
    steps: 400,
    evalEvery: 10,
    optimizer: optim.adamW({ lr: 1e-2, weightDecay }),
    penalties,
    ...(patience && { earlyStopping: { patience } }),
    step: ({ model, batch }) => ({ loss: loss.crossEntropy(model.forward(batch.x), batch.label, { labelSmoothing }) }),
    evaluate: ({ model, batch }) => {
      const logits = model.forward(batch.x);
      return { loss: loss.crossEntropy(logits, batch.label), accuracy: metrics.accuracy(logits, batch.label) };
    },
  });

export default jobWith(techniques.none as Technique);

async function testLoss(job: AnyJob, seed: number): Promise<number> {
  const { metrics: measured, model } = await train(job, { seed }).done;
  await model.close();
  return measured.loss as number;
}

export const example: Example = {
  system: 'regularisation',
  figures: Object.entries(techniques)
    .filter(([name]) => name !== 'none')
    .map(([name, technique]) => ({
      name: `test loss with ${name}, over without`,
      atMost: 0.95,
      of: async ({ metrics: plain, seed }: FinishedRun) =>
        (await testLoss(jobWith(technique), seed)) / (plain.loss as number),
    })),
};
