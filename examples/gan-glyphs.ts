import { mkdirSync } from 'node:fs';
import { type LoadedModel, train } from '@lockstep/coordinator';
import { data, defineJob, loss, nn, ops, optim, type Tensor } from '@lockstep/core';
import digits from './digits.ts';
import type { Example, FinishedRun } from './support/example.ts';
import { contactSheet, picturesOf, writePng } from './support/png.ts';

// A GAN that draws the digit it is asked for: the discriminator judges image and digit together, by a projection of the digit's embedding
// on the image's features (Miyato and Koyama 2018).

const noise = 32;
const classes = 10;

class Generator extends nn.Module {
  digit = new nn.Embedding(classes, noise);
  first = new nn.Linear(2 * noise, 32 * 7 * 7);
  norm1 = new nn.BatchNorm2d(32);
  up1 = new nn.ConvTranspose2d(32, 16, 4, { stride: 2, padding: 1 });
  norm2 = new nn.BatchNorm2d(16);
  up2 = new nn.ConvTranspose2d(16, 1, 4, { stride: 2, padding: 1 });
  /** Digits `[batch]` to images `[batch, 1, 28, 28]`. */
  forward(label: Tensor): Tensor {
    const z = ops.concat([ops.randomNormal([label.shape[0] as number, noise]), this.digit.forward(label)], 1);
    const small = this.norm1.forward(this.first.forward(z).reshape([-1, 32, 7, 7])).relu();
    return this.up2.forward(this.norm2.forward(this.up1.forward(small)).relu()).sigmoid();
  }
}

class Discriminator extends nn.Module {
  down1 = new nn.Conv2d(1, 16, 4, { stride: 2, padding: 1 });
  down2 = new nn.Conv2d(16, 32, 4, { stride: 2, padding: 1 });
  features = new nn.Linear(32 * 7 * 7, 128);
  verdict = new nn.Linear(128, 1);
  digit = new nn.Embedding(classes, 128);
  /** How real the image seems, as a picture of the digit: blurred at first, so that real and drawn images overlap. */
  forward(image: Tensor, label: Tensor, blur: Tensor): Tensor {
    const blurred = image.add(ops.randomNormal(image.shape).mul(blur));
    const a = ops.leakyRelu(this.down1.forward(blurred), 0.2);
    const b = ops.leakyRelu(this.down2.forward(a), 0.2);
    const features = ops.leakyRelu(this.features.forward(b.flatten(1)), 0.2);
    return this.verdict
      .forward(features)
      .reshape([-1])
      .add(features.mul(this.digit.forward(label)).sum(1));
  }
}

class Gan extends nn.Module {
  generator = new Generator();
  discriminator = new Discriminator();
  forward(label: Tensor): Tensor {
    return this.generator.forward(label);
  }
}

const optimizer = optim.adam({ lr: optim.linear({ peak: 2e-3 }), betas: [0.5, 0.999] });
const real = (logits: Tensor) => loss.bceWithLogits(logits, ops.ones(logits.shape));
const fake = (logits: Tensor) => loss.bceWithLogits(logits, ops.zeros(logits.shape));

export default defineJob({
  name: 'gan-glyphs',
  data: () => ({ train: data.glyphs({ split: 'train' }) }),
  model: () => new Gan(),
  batch: { size: 64, shards: 4 },
  steps: 2500,
  scalars: { blur: (step) => Math.max(0, 0.5 * (1 - step / 1500)) },
  ema: { decay: 0.99 },
  phases: [
    {
      name: 'discriminator',
      params: /^discriminator\./,
      optimizer,
      step: ({ model: { discriminator, generator }, batch: { image, label }, scalars: { blur } }) => ({
        loss: real(discriminator.forward(image, label, blur as Tensor)).add(
          fake(discriminator.forward(generator.forward(label), label, blur as Tensor)),
        ),
      }),
    },
    {
      name: 'generator',
      params: /^generator\./,
      optimizer,
      step: ({ model: { discriminator, generator }, batch: { label }, scalars: { blur } }) => ({
        loss: real(discriminator.forward(generator.forward(label), label, blur as Tensor)),
      }),
    },
  ],
  predict: ({ model, batch }) => ({ image: model.forward(batch.label) }),
});

let reader: Promise<LoadedModel> | undefined;

/** A network that was trained on real digits. */
const trainedReader = (): Promise<LoadedModel> => {
  reader ??= train(digits, { epochs: 1 }).done.then(({ model }) => model);
  return reader;
};

/** Draws a hundred of each digit; what the reader takes each for. */
async function drawnAndRead({ model, seed }: FinishedRun): Promise<{ asked: number[]; read: number[] }> {
  const asked = Array.from({ length: 1000 }, (_, i) => i % classes);
  const { image } = await model.predict({ label: asked }, { seed });
  if (!image) throw new Error('the job predicts no image');
  mkdirSync('runs', { recursive: true });
  writePng('runs/gan-glyphs.png', contactSheet(picturesOf(image.data as Float32Array, image.shape).slice(0, 100), 10));
  const { output } = await (await trainedReader()).predict({ image: image.data });
  const read = asked.map((_, i) => {
    const logits = Array.from(output?.data.subarray(i * classes, (i + 1) * classes) ?? []);
    return logits.indexOf(Math.max(...logits));
  });
  return { asked, read };
}

export const example: Example = {
  system: 'generative adversarial network, images',
  figures: [
    {
      name: 'drawn digits that a trained reader takes for the digit asked for',
      atLeast: 0.9,
      percent: true,
      async of(run) {
        const { asked, read } = await drawnAndRead(run);
        return read.filter((digit, i) => digit === asked[i]).length / asked.length;
      },
    },
    {
      name: 'digits among them',
      atLeast: 10,
      of: async (run) => new Set((await drawnAndRead(run)).read).size,
    },
  ],
};
