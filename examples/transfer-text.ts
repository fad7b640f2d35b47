import { train } from '@lockstep/coordinator';
import { data, defineJob, loss, metrics, nn, optim, type Tensor } from '@lockstep/core';
import type { Example } from './support/example.ts';
import { Gpt } from './support/gpt.ts';
import { propertyText, typedNames, types } from './support/typed-names.ts';

// Transfer learning for text: a small GPT reads the properties of TypeScript's interfaces. Under a classification head it then says of a name
// whether such a property is boolean, number or string, after twenty examples of each: it has read the others. The same network from scratch
// knows these sixty names only.

const context = 24;
const corpus = data.text({ text: propertyText, context });
const shape = { vocabulary: corpus.vocabulary.length, context, layers: 2, heads: 4, width: 64 };

/** The body of a language model under a head of its own. */
class TypeClassifier extends nn.Module {
  body = new Gpt(shape);
  head = new nn.Linear(shape.width, types.length);

  forward(ids: Tensor): Tensor {
    return this.head.forward(
      this.body
        .features(ids)
        .slice(1, context - 1)
        .flatten(1),
    );
  }
}

export default defineJob({
  name: 'property-gpt',
  data: () => ({ train: corpus }),
  model: () => new Gpt(shape),
  batch: { size: 32 },
  steps: 2000,
  optimizer: optim.adamW({ lr: optim.cosine({ peak: 4e-3, floor: 1e-4, warmupSteps: 50 }), weightDecay: 0.1 }),
  clipNorm: 1,
  step: ({ model, batch }) => ({ loss: loss.crossEntropy(model.forward(batch.input), batch.target) }),
});

const typeClassifier = (weights?: nn.NamedWeights) =>
  defineJob({
    name: 'property-types',
    data: ({ seed }) => {
      const options = { seed, context, vocabulary: corpus.vocabulary };
      return {
        train: typedNames({ ...options, split: 'train', perType: 20 }),
        test: typedNames({ ...options, split: 'test', perType: 100 }),
      };
    },
    model: () => {
      const net = new TypeClassifier();
      if (weights) nn.loadWeights(net, weights, { strict: false, rename: (name) => `body.${name}` });
      return net;
    },
    batch: { size: 20 },
    epochs: 40,
    evalEvery: 1_000,
    optimizer: optim.adamW({ lr: optim.cosine({ peak: 1e-3, warmupSteps: 10 }), weightDecay: 0.1 }),
    clipNorm: 1,
    step: ({ model, batch }) => {
      const logits = model.forward(batch.ids);
      return { loss: loss.crossEntropy(logits, batch.label), accuracy: metrics.accuracy(logits, batch.label) };
    },
  });

/** Accuracy on names that are not among the labelled ones. */
async function learnTypes(seed: number, weights?: nn.NamedWeights): Promise<number> {
  const { metrics: reached, model } = await train(typeClassifier(weights), { seed }).done;
  await model.close();
  return reached.accuracy as number;
}

export const example: Example = {
  system: 'transfer learning, text',
  figures: [
    {
      name: 'accuracy above training from scratch',
      percent: true,
      atLeast: 0.1,
      of: async ({ model, seed }) => (await learnTypes(seed, model.parameters)) - (await learnTypes(seed)),
    },
  ],
};
