import { data, defineJob, loss, metrics, nn, optim, random, type Tensor } from '@lockstep/core';
import { type Example, metric } from './support/example.ts';

const length = 100;
const moods = 4;
const words = 8;
const question = moods + words;
const tags = moods + words + 1;

/**
 * Sentences of words that name their own tag. One of the first three tokens is the mood; every fifth token after it is a question, whose
 * tag is the mood. Questions more than half a sentence later are the distant ones.
 */
function sentences(count: number, seed: number) {
  const generator = random.generator(seed);
  const [token, tag] = [new Int32Array(count * length), new Int32Array(count * length)];
  const distant = new Float32Array(count * length);
  for (let i = 0; i < count; i++) {
    const mood = generator.int(moods);
    const moodAt = generator.int(3);
    for (let t = 0; t < length; t++) {
      const at = i * length + t;
      const asks = t > moodAt && generator.uniform() < 0.2;
      const word = moods + generator.int(words);
      token[at] = t === moodAt ? mood : asks ? question : word;
      tag[at] = t === moodAt ? tags - 1 : asks ? mood : word;
      distant[at] = asks && t - moodAt > length / 2 ? 1 : 0;
    }
  }
  const field = <T>(values: T) => ({ data: values, shape: [count, length] });
  return data.arrays({ token: field(token), tag: field(tag), distant: field(distant) });
}

/** An LSTM that begins by remembering: the forget gate's bias is 2 (after Jozefowicz et al. 2015). */
class LstmTagger extends nn.Module {
  words = new nn.Embedding(question + 1, 16);
  lstm = new nn.LSTM(16, 32);
  head = new nn.Linear(32, tags);

  constructor() {
    super();
    this.lstm.bias_hh_l0 = new nn.Parameter([4 * 32], (values) => void values.fill(0).fill(2, 32, 64));
  }

  forward(token: Tensor): Tensor {
    return this.head.forward(this.lstm.forward(this.words.forward(token))[0]);
  }
}

/** The same with a plain RNN, which has as many weights with twice the hidden size. */
class RnnTagger extends nn.Module {
  words = new nn.Embedding(question + 1, 16);
  rnn = new nn.RNN(16, 64);
  head = new nn.Linear(64, tags);

  forward(token: Tensor): Tensor {
    return this.head.forward(this.rnn.forward(this.words.forward(token))[0]);
  }
}

class Both extends nn.Module {
  lstm = new LstmTagger();
  rnn = new RnnTagger();

  forward(token: Tensor): { lstm: Tensor; rnn: Tensor } {
    return { lstm: this.lstm.forward(token), rnn: this.rnn.forward(token) };
  }
}

/** Sequence labelling where some tags depend on a token long before: the LSTM learns them, the plain RNN does not. */
export default defineJob({
  name: 'lstm-tagger',
  seed: 1,
  data: ({ seed }) => ({ train: sentences(2048, 2 * seed), test: sentences(256, 2 * seed + 1) }),
  model: () => new Both(),
  batch: { size: 16 },
  epochs: 16,
  optimizer: optim.adam({ lr: optim.cosine({ peak: 1e-2, warmupSteps: 20 }) }),
  clipNorm: 1,
  step: ({ model, batch }) => {
    const { lstm, rnn } = model.forward(batch.token);
    const accuracy = (logits: Tensor) => metrics.accuracy(logits, batch.tag);
    return {
      loss: loss.crossEntropy(lstm, batch.tag).add(loss.crossEntropy(rnn, batch.tag)),
      lstm: accuracy(lstm),
      lstmDistant: accuracy(lstm).weighted(batch.distant),
      rnn: accuracy(rnn),
      rnnDistant: accuracy(rnn).weighted(batch.distant),
    };
  },
});

export const example: Example = {
  system: 'LSTM',
  figures: [
    { name: 'accuracy of the LSTM on distant tags', atLeast: 0.95, percent: true, of: metric('lstmDistant') },
    { name: 'of a plain RNN', atMost: 0.7, percent: true, of: metric('rnnDistant') },
  ],
};
