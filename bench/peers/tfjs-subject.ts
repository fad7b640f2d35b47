import * as tf from '@tensorflow/tfjs';
import { refuse, serveSteps } from '../serve.ts';

// One contender of bench/run.ts: `tfjs-subject.ts WORK cpu|wasm`.

const [work = '', backend = 'cpu'] = process.argv.slice(2);
if (backend === 'wasm') await import('@tensorflow/tfjs-backend-wasm');
await tf.setBackend(backend);
await tf.ready();

function mlp(): () => Promise<unknown> {
  const layer = (units: number, activation?: 'relu', inputShape?: number[]) =>
    tf.layers.dense({ units, ...(activation && { activation }), ...(inputShape && { inputShape }) });
  const model = tf.sequential({ layers: [layer(1024, 'relu', [784]), layer(1024, 'relu'), layer(10)] });
  const optimizer = tf.train.adam(1e-3);
  const x = tf.randomNormal([256, 784]);
  const labels = tf.oneHot(tf.randomUniform([256], 0, 10, 'int32'), 10);
  return async () => {
    const loss = optimizer.minimize(
      () => tf.losses.softmaxCrossEntropy(labels, model.predict(x) as tf.Tensor) as tf.Scalar,
      true,
    ) as tf.Scalar;
    await loss.data();
    loss.dispose();
  };
}

function gemm(size: number): () => Promise<unknown> {
  const [a, b] = [tf.randomNormal([size, size]), tf.randomNormal([size, size])];
  return async () => {
    const product = tf.matMul(a, b);
    await product.data();
    product.dispose();
  };
}

const name = `tfjs ${tf.version.tfjs}, ${backend}`;
if (work === 'w1') await serveSteps(name, 256, mlp());
else if (work.startsWith('gemm-')) {
  const size = Number(work.slice(5));
  await serveSteps(name, (2 * size ** 3) / 1e9, gemm(size));
} else refuse('not written for tfjs');
