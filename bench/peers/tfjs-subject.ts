import * as tf from '@tensorflow/tfjs';
import { refuse, serveSteps } from '../serve.ts';
import { gpt } from './tfjs-gpt.ts';
import { cnn, lstm, mlp, resnet, type Step } from './tfjs-works.ts';

// One contender of bench/run.ts: `tfjs-subject.ts WORK cpu|wasm`.

const [work = '', backend = 'cpu'] = process.argv.slice(2);
if (backend === 'wasm') await import('@tensorflow/tfjs-backend-wasm');
await tf.setBackend(backend);
await tf.ready();

function gemm(size: number): Step {
  const [a, b] = [tf.randomNormal([size, size]), tf.randomNormal([size, size])];
  return async () => {
    const product = tf.matMul(a, b);
    await product.data();
    product.dispose();
  };
}

/** Whole batches take plain JavaScript minutes; per image and sequence it is the same. */
const fewImages = 4;
const sequences = backend === 'cpu' ? 2 : 32;

const works: Readonly<Record<string, { readonly units: number; readonly open: () => Step }>> = {
  w1: { units: 256, open: mlp },
  w2: { units: fewImages, open: () => cnn(fewImages) },
  w3: { units: 12 * 64, open: () => gpt({ layers: 4, heads: 4, width: 128, context: 64, batch: 12 }) },
  w4: { units: sequences, open: () => lstm(sequences) },
  w5: { units: fewImages, open: () => resnet(fewImages) },
};
const name = `tfjs ${tf.version.tfjs}, ${backend}`;
const known = works[work];
try {
  if (known) await serveSteps(name, known.units, known.open());
  else if (work.startsWith('gemm-')) {
    const size = Number(work.slice('gemm-'.length));
    await serveSteps(name, (2 * size ** 3) / 1e9, gemm(size));
  } else refuse(`not written for tfjs: a step of ${work} takes it a minute`);
} catch (error) {
  // "Kernel 'Conv2DBackpropFilter' not registered for backend 'wasm'", for one.
  refuse((error as Error).message.split('\n')[0] ?? 'it failed');
}
