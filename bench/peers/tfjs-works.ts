import * as tf from '@tensorflow/tfjs';

export type Step = () => Promise<unknown>;

/** Adam's step, or SGD's with momentum, on one batch; resolves when the loss is there. */
function trainer(loss: () => tf.Scalar, optimizer: tf.Optimizer = tf.train.adam(1e-3)): Step {
  return async () => {
    const value = optimizer.minimize(loss, true) as tf.Scalar;
    await value.data();
    value.dispose();
  };
}

/** Mean cross-entropy of a model of layers over labels of any rank. */
function classifier(
  model: tf.LayersModel,
  shape: number[],
  labels: number[],
  classes: number,
  optimizer?: tf.Optimizer,
): Step {
  const x = tf.randomNormal(shape);
  const target = tf.oneHot(tf.randomUniform(labels, 0, classes, 'int32'), classes);
  const loss = () =>
    tf.losses.softmaxCrossEntropy(target, model.apply(x, { training: true }) as tf.Tensor) as tf.Scalar;
  return trainer(loss, optimizer);
}

const { dense, conv2d, batchNormalization } = tf.layers;

export function mlp(): Step {
  const layers = [
    dense({ units: 1024, activation: 'relu', inputShape: [784] }),
    dense({ units: 1024, activation: 'relu' }),
    dense({ units: 10 }),
  ];
  return classifier(tf.sequential({ layers }), [256, 784], [256], 10);
}

export function cnn(batch: number): Step {
  const layers = [
    conv2d({ filters: 32, kernelSize: 3, activation: 'relu', inputShape: [28, 28, 1] }),
    conv2d({ filters: 64, kernelSize: 3, activation: 'relu' }),
    tf.layers.maxPooling2d({ poolSize: 2 }),
    tf.layers.flatten(),
    dense({ units: 128, activation: 'relu' }),
    dense({ units: 10 }),
  ];
  return classifier(tf.sequential({ layers }), [batch, 28, 28, 1], [batch], 10);
}

export function lstm(batch: number): Step {
  const layers = [
    tf.layers.lstm({
      units: 256,
      returnSequences: true,
      recurrentActivation: 'sigmoid',
      recurrentInitializer: 'glorotNormal',
      inputShape: [64, 64],
    }),
    dense({ units: 64 }),
  ];
  return classifier(tf.sequential({ layers }), [batch, 64, 64], [batch, 64], 64);
}

/** ResNet-20 for CIFAR. Shortcuts: every second pixel, and zeros for the new channels. */
export function resnet(batch: number): Step {
  const conv = (filters: number, strides: number) =>
    conv2d({ filters, kernelSize: 3, strides, padding: 'same', useBias: false });
  const blocks = [16, 32, 64].flatMap((width, stage) =>
    [0, 1, 2].map((i) => {
      const stride = stage > 0 && i === 0 ? 2 : 1;
      return {
        width,
        stride,
        layers: [conv(width, stride), batchNormalization(), conv(width, 1), batchNormalization()],
      };
    }),
  );
  const [stem, norm, head] = [conv(16, 1), batchNormalization(), dense({ units: 10 })];
  const apply = (layer: tf.layers.Layer, x: tf.Tensor4D) => layer.apply(x, { training: true }) as tf.Tensor4D;
  const x = tf.randomNormal<tf.Rank.R4>([batch, 32, 32, 3]);
  const target = tf.oneHot(tf.randomUniform([batch], 0, 10, 'int32'), 10);
  const forward = (): tf.Tensor => {
    let y = tf.relu(apply(norm, apply(stem, x)));
    for (const { width, stride, layers } of blocks) {
      const [conv1, norm1, conv2, norm2] = layers as [
        tf.layers.Layer,
        tf.layers.Layer,
        tf.layers.Layer,
        tf.layers.Layer,
      ];
      const inner = apply(norm2, apply(conv2, tf.relu(apply(norm1, apply(conv1, y)))));
      const short =
        stride === 1
          ? y
          : tf.pad(tf.avgPool(y, 1, 2, 'same'), [
              [0, 0],
              [0, 0],
              [0, 0],
              [width / 4, width / 4],
            ]);
      y = tf.relu(tf.add(inner, short));
    }
    return head.apply(tf.mean(y, [1, 2])) as tf.Tensor;
  };
  // Layers make their variables when they are first applied.
  tf.tidy(() => void forward());
  return trainer(() => tf.losses.softmaxCrossEntropy(target, forward()) as tf.Scalar, tf.train.momentum(0.1, 0.9));
}
