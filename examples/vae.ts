import { mkdirSync } from 'node:fs';
import type { LoadedModel } from '@lockstep/coordinator';
import { data, defineJob, loss, nn, ops, optim, type Tensor } from '@lockstep/core';
import type { Example } from './support/example.ts';
import { contactSheet, picturesOf, writePng } from './support/png.ts';

// A variational autoencoder (Kingma and Welling 2014) that squeezes glyphs through sixteen numbers. The loss is the negative evidence lower bound
// in nats per image: what the decoder gets wrong, and how far the code is from a standard normal one. The mean of all glyphs would give 224, a
// perfect copy 121, as the pixels are grey.

const [side, latent, width] = [28, 16, 256];
const pixels = side * side;

class Vae extends nn.Module {
  encoder = new nn.Sequential(new nn.Flatten(), new nn.Linear(pixels, width), new nn.ReLU());
  mean = new nn.Linear(width, latent);
  logVariance = new nn.Linear(width, latent);
  decoder = new nn.Sequential(
    new nn.Linear(latent, width),
    new nn.ReLU(),
    new nn.Linear(width, width),
    new nn.ReLU(),
    new nn.Linear(width, pixels),
  );

  encode(image: Tensor): { mean: Tensor; logVariance: Tensor } {
    const hidden = this.encoder.forward(image);
    return { mean: this.mean.forward(hidden), logVariance: this.logVariance.forward(hidden) };
  }

  /** Logits of the pixels. */
  forward(code: Tensor): Tensor {
    return this.decoder.forward(code);
  }
}

/** A code drawn from the encoder's normal distribution, so that gradients reach its mean and variance: the reparameterisation. */
const drawn = ({ mean, logVariance }: { mean: Tensor; logVariance: Tensor }): Tensor =>
  mean.add(logVariance.mul(0.5).exp().mul(ops.randomNormal(mean.shape)));

/** Each glyph with a code that is to be decoded beside it, for `predict`. */
const glyphs = (split: 'train' | 'test', seed: number, length: number) => {
  const images = data.glyphs({ split, seed, length, size: side });
  const code = new Float32Array(latent);
  return {
    ...images,
    shapes: { ...images.shapes, code: [latent] },
    sample: async (i: number) => ({ ...(await images.sample(i)), code }),
  };
};

export default defineJob({
  name: 'vae',
  data: ({ seed }) => ({ train: glyphs('train', seed, 20_000), test: glyphs('test', seed, 1_000) }),
  model: () => new Vae(),
  batch: { size: 100 },
  epochs: 10,
  optimizer: optim.adam({ lr: optim.cosine({ peak: 2e-3, warmupSteps: 50 }) }),
  step: ({ model, batch }) => {
    const code = model.encode(batch.image);
    const reconstruction = loss.bceWithLogits(model.forward(drawn(code)), batch.image.flatten(1)).sumPerSample();
    const divergence = loss.gaussianKl(code.mean, code.logVariance);
    return { loss: reconstruction.add(divergence), reconstruction, divergence };
  },
  predict: ({ model, batch }) => ({
    mean: model.encode(batch.image).mean,
    decoded: model.forward(batch.code).sigmoid(),
  }),
});

const folder = new URL('../runs/vae/', import.meta.url);

const codesOf = ({ data: values }: { readonly data: ArrayLike<number> }): number[][] =>
  Array.from({ length: values.length / latent }, (_, i) => Array.from(values).slice(i * latent, (i + 1) * latent));

/** Writes glyphs above their reconstructions, and a walk through the plane of codes between four of them. */
async function draw(model: LoadedModel, seed: number): Promise<void> {
  const images = glyphs('test', seed, 20);
  const image = await Promise.all(
    Array.from({ length: 20 }, async (_, i) => Array.from((await images.sample(i)).image as Float32Array)),
  );
  const { mean } = await model.predict({ image, code: image.map(() => Array<number>(latent).fill(0)) });
  const codes = codesOf(mean as NonNullable<typeof mean>);
  const steps = Array.from({ length: 12 }, (_, i) => i / 11);
  const plane = steps.flatMap((y) =>
    steps.map((x) =>
      Array.from({ length: latent }, (_, k) => {
        const [a, b, c, d] = [0, 1, 3, 7].map((digit) => codes[digit]?.[k] as number) as [
          number,
          number,
          number,
          number,
        ];
        return (1 - y) * ((1 - x) * a + x * b) + y * ((1 - x) * c + x * d);
      }),
    ),
  );
  const decode = async (code: number[][]) => {
    const { decoded } = await model.predict({ image: code.map(() => image[0] as number[]), code });
    return picturesOf(Float32Array.from(decoded?.data ?? []), [code.length, 1, side, side]);
  };
  const originals = picturesOf(Float32Array.from(image.flat()), [20, 1, side, side]);
  const sheet = (name: string) => new URL(`${name}-${seed}.png`, folder).pathname;
  mkdirSync(folder, { recursive: true });
  writePng(sheet('reconstructions'), contactSheet([...originals, ...(await decode(codes))], 20));
  writePng(sheet('plane'), contactSheet(await decode(plane), steps.length));
}

export const example: Example = {
  system: 'variational autoencoder',
  figures: [
    {
      name: 'negative evidence lower bound in nats per image',
      atMost: 200,
      async of({ model, metrics, seed }) {
        await draw(model, seed);
        return metrics.loss as number;
      },
    },
  ],
};
