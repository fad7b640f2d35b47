import { type Array as JaxArray, lax, nn, numpy as np } from '@jax-js/jax';
import { crossEntropy, integers, momentum, normal, type Parameters, type Step, trainer } from './jax-trainer.ts';

// The works of bench/works.ts on images.

const relu = nn.relu;
const same = 'SAME' as const;

export function mlp(): Step {
  const sizes = [784, 1024, 1024, 10];
  const parameters = sizes.slice(1).flatMap((size, i) => [normal([sizes[i] as number, size], 0.03), np.zeros([size])]);
  const loss = (p: Parameters, x: JaxArray, y: JaxArray) => {
    const [w1, b1, w2, b2, w3, b3] = p as [JaxArray, JaxArray, JaxArray, JaxArray, JaxArray, JaxArray];
    const h1 = relu(np.matmul(x, w1).add(b1));
    const h2 = relu(np.matmul(h1, w2).add(b2));
    return crossEntropy(np.matmul(h2, w3).add(b3), y, 10);
  };
  return trainer(parameters, loss, [normal([256, 784], 1), integers([256], 10)]);
}

export function cnn(batch: number): Step {
  const parameters = [
    normal([32, 1, 3, 3], 0.2),
    np.zeros([32, 1, 1]),
    normal([64, 32, 3, 3], 0.05),
    np.zeros([64, 1, 1]),
    normal([64 * 12 * 12, 128], 0.01),
    np.zeros([128]),
    normal([128, 10], 0.08),
    np.zeros([10]),
  ];
  const loss = (p: Parameters, x: JaxArray, y: JaxArray) => {
    const [conv1, bias1, conv2, bias2] = p as [JaxArray, JaxArray, JaxArray, JaxArray];
    const [hidden, hiddenBias, head, headBias] = p.slice(4) as [JaxArray, JaxArray, JaxArray, JaxArray];
    const first = relu(lax.conv(x, conv1, [1, 1], 'VALID').add(bias1));
    const second = relu(lax.conv(first, conv2, [1, 1], 'VALID').add(bias2));
    const pooled = np.max(second.reshape([batch, 64, 12, 2, 12, 2]), [3, 5]).reshape([batch, 64 * 12 * 12]);
    return crossEntropy(np.matmul(relu(np.matmul(pooled, hidden).add(hiddenBias)), head).add(headBias), y, 10);
  };
  return trainer(parameters, loss, [normal([batch, 1, 28, 28], 1), integers([batch], 10)]);
}

/** Over batch and pixels, with the batch's own statistics. */
function batchNorm(x: JaxArray, weight: JaxArray, bias: JaxArray): JaxArray {
  const axes = [0, 2, 3];
  const centred = x.ref.sub(np.mean(x, axes, { keepdims: true }));
  const variance = np.mean(centred.ref.mul(centred.ref), axes, { keepdims: true });
  return centred
    .div(np.sqrt(variance.add(1e-5)))
    .mul(weight)
    .add(bias);
}

/** Every second pixel, and zeros for the new channels. */
function shortcut(x: JaxArray, width: number, side: number): JaxArray {
  const every = x.reshape([x.shape[0] as number, width / 2, side, 2, side, 2]).slice([], [], [], 0, [], 0);
  return np.pad(every, { 1: [width / 4, width / 4] });
}

/** ResNet-20 of He et al. 2015 for CIFAR, shortcuts without parameters. */
export function resnet(batch: number): Step {
  const blocks = [16, 32, 64].flatMap((width, stage) =>
    [0, 1, 2].map((i) => ({ width, stride: i === 0 && stage > 0 ? 2 : 1, side: 32 >> stage })),
  );
  const layer = (inside: number, width: number) => [
    normal([width, inside, 3, 3], Math.sqrt(2 / (9 * width))),
    np.ones([width, 1, 1]),
    np.zeros([width, 1, 1]),
  ];
  const parameters = [
    ...layer(3, 16),
    ...blocks.flatMap(({ width, stride }) => [...layer(width / stride, width), ...layer(width, width)]),
    normal([64, 10], 0.1),
    np.zeros([10]),
  ];
  const loss = (p: Parameters, images: JaxArray, y: JaxArray) => {
    const rest = [...p];
    const convNorm = (x: JaxArray, stride: number): JaxArray => {
      const [conv, weight, bias] = rest.splice(0, 3) as [JaxArray, JaxArray, JaxArray];
      return batchNorm(
        lax.conv(
          x,
          conv,
          [stride, stride],
          stride === 1
            ? same
            : [
                [1, 1],
                [1, 1],
              ],
        ),
        weight,
        bias,
      );
    };
    let x = relu(convNorm(images, 1));
    for (const { width, stride, side } of blocks) {
      const inner = convNorm(relu(convNorm(x.ref, stride)), 1);
      x = relu(inner.add(stride === 1 ? x : shortcut(x, width, side)));
    }
    const [head, headBias] = rest as [JaxArray, JaxArray];
    return crossEntropy(np.matmul(np.mean(x, [2, 3]), head).add(headBias), y, 10);
  };
  const batchOf = [normal([batch, 3, 32, 32], 1), integers([batch], 10)] as const;
  return trainer(parameters, loss, batchOf, { optimizer: momentum(0.1, 0.9) });
}
