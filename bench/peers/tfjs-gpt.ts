import * as tf from '@tensorflow/tfjs';
import type { Step } from './tfjs-works.ts';

interface GptSize {
  readonly layers: number;
  readonly heads: number;
  readonly width: number;
  readonly context: number;
  readonly batch: number;
}

const vocabulary = 65;

/** As nanoGPT, of plain operations: there is no decoupled decay and no clipping in the library, so the two are written out. */
export function gpt({ layers, heads, width, context, batch }: GptSize): Step {
  const rows = batch * context;
  const weights = (shape: number[]) => tf.variable(tf.randomNormal(shape, 0, 0.02));
  const ones = () => tf.variable(tf.ones([width]));
  const [token, position, last] = [weights([vocabulary, width]), weights([context, width]), ones()];
  const blocks = Array.from({ length: layers }, () => ({
    norm1: ones(),
    qkv: weights([width, 3 * width]),
    project: weights([width, width]),
    norm2: ones(),
    expand: weights([width, 4 * width]),
    contract: weights([4 * width, width]),
  }));
  // Rows of the embedding by a product: the gradient of gathering them has no kernel in WebAssembly.
  const ids = tf.oneHot(tf.randomUniform([rows], 0, vocabulary, 'int32'), vocabulary);
  const target = tf.oneHot(tf.randomUniform([rows], 0, vocabulary, 'int32'), vocabulary);
  const lower = tf.linalg.bandPart(tf.ones([context, context]), -1, 0);
  const mask = tf.mul(tf.sub(1, lower), -1e9);

  const norm = (x: tf.Tensor, weight: tf.Tensor): tf.Tensor => {
    const { mean, variance } = tf.moments(x, -1, true);
    return tf.mul(tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, 1e-5))), weight);
  };
  const gelu = (x: tf.Tensor): tf.Tensor => tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1));
  const attention = (x: tf.Tensor, qkv: tf.Tensor): tf.Tensor => {
    const all = tf.transpose(tf.reshape(tf.matMul(x, qkv), [batch, context, 3, heads, width / heads]), [2, 0, 3, 1, 4]);
    const [q, k, v] = tf.unstack(all) as [tf.Tensor, tf.Tensor, tf.Tensor];
    const scores = tf.add(tf.mul(tf.matMul(q, k, false, true), (width / heads) ** -0.5), mask);
    return tf.reshape(tf.transpose(tf.matMul(tf.softmax(scores), v), [0, 2, 1, 3]), [rows, width]);
  };
  const loss = (): tf.Scalar => {
    let x: tf.Tensor = tf.add(tf.matMul(tf.cast(ids, 'float32'), token), tf.tile(position, [batch, 1]));
    for (const { norm1, qkv, project, norm2, expand, contract } of blocks) {
      x = tf.add(x, tf.matMul(attention(norm(x, norm1), qkv), project));
      x = tf.add(x, tf.matMul(gelu(tf.matMul(norm(x, norm2), expand)), contract));
    }
    return tf.losses.softmaxCrossEntropy(target, tf.matMul(norm(x, last), token, false, true)) as tf.Scalar;
  };

  const optimizer = tf.train.adam(1e-3);
  return async () => {
    const { value, grads } = tf.variableGrads(loss);
    tf.tidy(() => {
      const total = tf.addN(Object.values(grads).map((g) => tf.sum(tf.square(g))));
      const scale = tf.minimum(1, tf.div(1, tf.add(tf.sqrt(total), 1e-6)));
      const clipped = Object.fromEntries(Object.entries(grads).map(([name, g]) => [name, tf.mul(g, scale)]));
      const all = [token, position, last, ...blocks.flatMap((block) => Object.values(block))];
      for (const variable of all) variable.assign(tf.mul(variable, 1 - 1e-3 * 0.1));
      optimizer.applyGradients(clipped);
    });
    await value.data();
    tf.dispose([value, grads]);
  };
}
