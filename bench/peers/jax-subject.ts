import './web-worker.ts';
import { defaultDevice, init, jit, numpy as np } from '@jax-js/jax';
import { refuse, serveSteps } from '../serve.ts';
import { cnn, mlp, resnet } from './jax-images.ts';
import { gpt, lstm } from './jax-text.ts';
import { normal, type Step } from './jax-trainer.ts';

// One contender of bench/run.ts: `jax-subject.ts WORK THREADS`.

const [work = '', threads = '1'] = process.argv.slice(2);
// It starts as many workers as the machine is said to have cores.
Object.defineProperty(navigator, 'hardwareConcurrency', { value: Number(threads) });
await init('wasm');
defaultDevice('wasm');

function gemm(size: number): Step {
  const [a, b] = [normal([size, size], 1), normal([size, size], 1)];
  const product = jit(np.matmul);
  return async () => {
    const out = product(a.ref, b.ref);
    await out.blockUntilReady();
    out.dispose();
  };
}

/** A batch of 128 images takes it a minute and more. What an image costs hardly depends on the batch: its convolutions take nearly all of the time. */
const fewImages = 16;

const works: Readonly<Record<string, { readonly units: number; readonly open: () => Step }>> = {
  w1: { units: 256, open: mlp },
  w2: { units: fewImages, open: () => cnn(fewImages) },
  w3: { units: 12 * 64, open: () => gpt({ layers: 4, heads: 4, width: 128, context: 64, batch: 12 }) },
  w4: { units: 32, open: lstm },
  w5: { units: fewImages, open: () => resnet(fewImages) },
  w6: { units: 4 * 256, open: () => gpt({ layers: 6, heads: 6, width: 384, context: 256, batch: 4 }) },
};
const name = 'jax-js 0.1.25';
const known = works[work];
if (known) await serveSteps(name, known.units, known.open());
else if (work.startsWith('gemm-')) {
  const size = Number(work.slice('gemm-'.length));
  await serveSteps(name, (2 * size ** 3) / 1e9, gemm(size));
} else refuse('not written for jax-js');
