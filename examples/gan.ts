import { data, defineJob, loss, math, nn, ops, optim, random, type Tensor } from '@lockstep/core';
import type { Example } from './support/example.ts';

// A generative adversarial network (Goodfellow et al. 2014) on a mixture of eight Gaussians in the plane. Two phases take turns on each
// batch: the discriminator learns to tell real points from generated ones, the generator to be taken for real.

const noise = 16;
const modes = Array.from({ length: 8 }, (_, k) => {
  const angle = (k * Math.PI) / 4;
  return [2 * math.cos(angle), 2 * math.sin(angle)] as const;
});
const spread = 0.1;

function mixture(count: number, seed: number) {
  const numbers = random.generator(seed);
  const points = Float32Array.from({ length: count * 2 }, (_, i) => {
    const mode = modes[(i >> 1) % modes.length] as readonly [number, number];
    return (mode[i & 1] as number) + spread * numbers.normal();
  });
  return data.arrays({ point: { data: points, shape: [count, 2] } });
}

const perceptron = (inputs: number, outputs: number) =>
  new nn.Sequential(
    new nn.Linear(inputs, 128),
    new nn.LeakyReLU(0.2),
    new nn.Linear(128, 128),
    new nn.LeakyReLU(0.2),
    new nn.Linear(128, outputs),
  );

class Gan extends nn.Module {
  generator = perceptron(noise, 2);
  discriminator = perceptron(2, 1);

  /** As many points as `like` has rows, from fresh noise. */
  forward(like: Tensor): Tensor {
    return this.generator.forward(ops.randomNormal([like.shape[0] as number, noise]));
  }

  /** How real points seem, blurred at the start of the training so that real and generated ones overlap. */
  judge(points: Tensor, blur: Tensor): Tensor {
    return this.discriminator.forward(points.add(ops.randomNormal(points.shape).mul(blur)));
  }
}

const optimizer = optim.adam({ lr: optim.linear({ peak: 1e-3 }), betas: [0.5, 0.999] });
const real = (logits: Tensor) => loss.bceWithLogits(logits, ops.ones(logits.shape));
const fake = (logits: Tensor) => loss.bceWithLogits(logits, ops.zeros(logits.shape));

export default defineJob({
  name: 'gan',
  data: () => ({ train: mixture(8192, 1) }),
  model: () => new Gan(),
  batch: { size: 256, shards: 4 },
  steps: 4000,
  scalars: { blur: (step) => Math.max(0, 0.5 * (1 - step / 2000)) },
  ema: { decay: 0.99 },
  phases: [
    {
      name: 'discriminator',
      params: /^discriminator\./,
      optimizer,
      step: ({ model, batch, scalars }) => ({
        loss: real(model.judge(batch.point, scalars.blur as Tensor)).add(
          fake(model.judge(model.forward(batch.point), scalars.blur as Tensor)),
        ),
      }),
    },
    {
      name: 'generator',
      params: /^generator\./,
      optimizer,
      step: ({ model, batch, scalars }) => ({
        loss: real(model.judge(model.forward(batch.point), scalars.blur as Tensor)),
      }),
    },
  ],
  predict: ({ model, batch }) => ({ point: model.forward(batch.point) }),
});

export const example: Example = {
  system: 'generative adversarial network',
  figures: [
    {
      name: 'modes covered, each by 2 % of the points or more,',
      atLeast: 8,
      async of({ model, seed }) {
        const { point } = await model.predict({}, { rows: 2000, seed });
        return countModes(point?.data ?? []).filter((count) => count >= 40).length;
      },
    },
  ],
};

/** For generated points [x, y, x, y ...]: how many lie at each mode, within three standard deviations. */
function countModes(points: ArrayLike<number>): number[] {
  const counts = modes.map(() => 0);
  for (let i = 0; i < points.length; i += 2) {
    const at = modes.findIndex(
      ([x, y]) => Math.hypot((points[i] as number) - x, (points[i + 1] as number) - y) < 3 * spread,
    );
    if (at >= 0) counts[at] = (counts[at] as number) + 1;
  }
  return counts;
}
