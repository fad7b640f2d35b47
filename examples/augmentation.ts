import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { augment, data, defineJob, evaluateBatch, loss, metrics, nn, optim, type Tensor } from '@lockstep/core';
import { type Example, metric } from './support/example.ts';
import { contactSheet, type Picture, picturesOf, writePng } from './support/png.ts';

/** A small convolutional network for digits. */
class DigitNet extends nn.Module {
  conv1 = new nn.Conv2d(1, 12, 3, { padding: 1 });
  conv2 = new nn.Conv2d(12, 24, 3, { padding: 1 });
  head = new nn.Linear(24 * 7 * 7, 10);

  forward(image: Tensor): Tensor {
    const a = this.conv1.forward(image).relu().maxPool2d(2);
    const b = this.conv2.forward(a).relu().maxPool2d(2);
    return this.head.forward(b.flatten(1));
  }
}

/** The same network twice: one sees the images as they are, the other a new variant of each at every step. */
class Both extends nn.Module {
  plain = new DigitNet();
  augmented = new DigitNet();

  forward(image: Tensor): { plain: Tensor; augmented: Tensor } {
    return { plain: this.plain.forward(image), augmented: this.augmented.forward(vary(image)) };
  }
}

/** Turned, shifted, scaled, slanted and lit at random: the identity outside of training. */
function vary(image: Tensor): Tensor {
  const moved = augment.randomAffine(image, { degrees: 15, translate: [0.1, 0.1], scale: [0.8, 1.2], shear: 15 });
  return augment.colorJitter(moved, { brightness: 0.3 });
}

/** 20 images of each digit to learn from: augmentation makes up for a part of those that are missing. */
export default defineJob({
  name: 'augmentation',
  seed: 1,
  data: ({ seed }) => ({
    train: data.glyphs({ split: 'train', seed, length: 200 }),
    test: data.glyphs({ split: 'test', seed, length: 2000 }),
  }),
  model: () => new Both(),
  batch: { size: 40, shards: 8 },
  steps: 600,
  evalEvery: 600,
  optimizer: optim.adamW({ lr: optim.cosine({ peak: 3e-3, warmupSteps: 20 }), weightDecay: 0.01 }),
  step: ({ model, batch }) => {
    const { plain, augmented } = model.forward(batch.image);
    return {
      loss: loss.crossEntropy(plain, batch.label).add(loss.crossEntropy(augmented, batch.label)),
      accuracy: metrics.accuracy(augmented, batch.label),
      withoutAugmentation: metrics.accuracy(plain, batch.label),
    };
  },
});

export const example: Example = {
  system: 'data augmentation',
  figures: [
    { name: 'accuracy with augmentation', atLeast: 0.95, percent: true, of: metric('accuracy') },
    {
      name: 'better than without by',
      atLeast: 0.1,
      percent: true,
      of: ({ metrics: { accuracy, withoutAugmentation } }) => (accuracy as number) - (withoutAugmentation as number),
    },
  ],
};

/** A row of images as they are, and below each what it becomes at five steps. */
function augmentationSheet(columns = 10): Picture {
  const source = data.glyphs({ length: columns });
  const images = Float32Array.from(
    Array.from({ length: columns }, (_, i) => [...(source.sample(i) as data.ImageSample).image]).flat(),
  );
  const shape = [columns, 1, 28, 28];
  const variants = [0, 1, 2, 3, 4].map(
    (step) =>
      evaluateBatch(({ image }) => ({ image: vary(image) }), { image: { data: images, shape } }, { step }).image,
  );
  return contactSheet(
    [images, ...variants].flatMap((values) => picturesOf(values as Float32Array, shape)),
    columns,
  );
}

// node examples/augmentation.ts [FILE]
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const path = process.argv[2] ?? 'runs/augmentation.png';
  mkdirSync(dirname(path), { recursive: true });
  writePng(path, augmentationSheet());
  console.log(`${path}: images as they are, and five variants of each`);
}
