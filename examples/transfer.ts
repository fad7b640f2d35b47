import { train } from '@lockstep/coordinator';
import { data, defineJob, loss, metrics, nn, optim, type Tensor } from '@lockstep/core';
import type { Example } from './support/example.ts';

// Transfer learning: a network that tells eight digits apart learns two others from twenty images of each. It keeps the edges and strokes it
// has found before and gets a new head; the same network from scratch has to find all of it in those forty images.

const unseen = [4, 9];
const known = [0, 1, 2, 3, 5, 6, 7, 8];

class DigitNet extends nn.Module {
  conv1 = new nn.Conv2d(1, 16, 3, { stride: 2, padding: 1 });
  conv2 = new nn.Conv2d(16, 32, 3, { stride: 2, padding: 1 });
  conv3 = new nn.Conv2d(32, 32, 3, { padding: 1 });
  hidden = new nn.Linear(32 * 7 * 7, 64);
  head: nn.Linear;

  constructor(classes: number) {
    super();
    this.head = new nn.Linear(64, classes);
  }

  forward(image: Tensor): Tensor {
    const edges = this.conv2.forward(this.conv1.forward(image).relu()).relu();
    const strokes = this.conv3.forward(edges).relu();
    return this.head.forward(this.hidden.forward(strokes.flatten(1)).relu());
  }
}

interface Task {
  readonly name: string;
  readonly classes: readonly number[];
  readonly images: number;
  readonly batch: number;
  readonly epochs: number;
}

const job = ({ name, classes, images, batch, epochs }: Task, prepare: (net: DigitNet) => void = () => {}) =>
  defineJob({
    name,
    data: ({ seed }) => ({
      train: data.glyphs({ seed, classes, length: images }),
      test: data.glyphs({ seed, split: 'test', classes, length: 1000 }),
    }),
    model: () => {
      const net = new DigitNet(classes.length);
      prepare(net);
      return net;
    },
    batch: { size: batch },
    epochs,
    evalEvery: 1_000,
    optimizer: optim.adamW({ lr: optim.cosine({ peak: 2e-3, warmupSteps: 10 }), weightDecay: 0.01 }),
    step: ({ model, batch: { image, label } }) => {
      const logits = model.forward(image);
      return { loss: loss.crossEntropy(logits, label), accuracy: metrics.accuracy(logits, label) };
    },
  });

const manyImages: Task = { name: 'known-digits', classes: known, images: 16_000, batch: 64, epochs: 3 };
const fewImages: Task = { name: 'unseen-digits', classes: unseen, images: 40, batch: 20, epochs: 60 };

export default job(manyImages);

/** Accuracy on images of the two digits, after training on forty of them. */
async function learnUnseen(seed: number, prepare?: (net: DigitNet) => void): Promise<number> {
  const { metrics: reached, model } = await train(job(fewImages, prepare), { seed }).done;
  await model.close();
  return reached.accuracy as number;
}

export const example: Example = {
  system: 'transfer learning, images',
  figures: [
    {
      name: 'accuracy above training from scratch',
      percent: true,
      atLeast: 0.1,
      async of({ model, seed }) {
        const transferred = await learnUnseen(seed, (net) => {
          // The head is of another shape, so it starts anew.
          nn.loadWeights(net, model.parameters, { strict: false });
          for (const layer of [net.conv1, net.conv2]) layer.requiresGrad(false);
        });
        return transferred - (await learnUnseen(seed));
      },
    },
  ],
};
