import { defineJob, loss, math, nn, optim, random, type Tensor } from '@lockstep/core';
import { type Example, metric } from './support/example.ts';

const history = 72;
const horizon = 8;
/** The strongest period: a value this long ago is the seasonal-naive forecast. */
const season = 24;

/** Three periods that do not divide each other, and noise. */
function series(length: number, seed: number): Float32Array {
  const generator = random.generator(seed);
  const wave = (t: number, period: number) => math.sin((2 * Math.PI * t) / period);
  return Float32Array.from(
    { length },
    (_, t) => wave(t, season) + 0.7 * wave(t, 31) + 0.5 * wave(t, 53) + 0.1 * generator.normal(),
  );
}

/** Windows of a series: what was seen, what comes next, and what came a season earlier. */
function windows(values: Float32Array) {
  const piece = (i: number, from: number, length: number) =>
    values.slice(i + history + from, i + history + from + length);
  return {
    length: values.length - history - horizon,
    sample: (i: number) => ({
      seen: piece(i, -history, history),
      next: piece(i, 0, horizon),
      seasonEarlier: piece(i, -season, horizon),
    }),
  };
}

/** A GRU reads the history; its last state gives all next values at once. */
class Forecaster extends nn.Module {
  gru = new nn.GRU(1, 32);
  head = new nn.Linear(32, horizon);

  forward(seen: Tensor): Tensor {
    const [, state] = this.gru.forward(seen.reshape([-1, history, 1]));
    return this.head.forward(state.reshape([-1, 32]));
  }
}

/** The next eight values of a noisy series with several periods, beside the same values one season earlier. */
export default defineJob({
  name: 'rnn-forecast',
  seed: 1,
  data: ({ seed }) => {
    const values = series(3000, seed);
    return { train: windows(values.subarray(0, 2400)), test: windows(values.subarray(2400)) };
  },
  model: () => new Forecaster(),
  batch: { size: 32 },
  epochs: 8,
  optimizer: optim.adam({ lr: optim.cosine({ peak: 5e-3, warmupSteps: 20 }) }),
  clipNorm: 1,
  step: ({ model, batch }) => {
    const forecast = model.forward(batch.seen);
    return {
      loss: loss.mse(forecast, batch.next),
      error: loss.l1(forecast, batch.next),
      seasonalNaiveError: loss.l1(batch.seasonEarlier, batch.next),
    };
  },
});

export const example: Example = {
  system: 'recurrent network',
  figures: [
    { name: 'mean error of the forecast', of: metric('error') },
    { name: 'seasonal-naive error', of: metric('seasonalNaiveError') },
    {
      name: 'seasonal-naive error over that of the forecast',
      atLeast: 2,
      of: ({ metrics: { seasonalNaiveError, error } }) => (seasonalNaiveError as number) / (error as number),
    },
  ],
};
