import './web-worker.ts';
import { defaultDevice, init, type Array as JaxArray, jit, nn, numpy as np, random, valueAndGrad } from '@jax-js/jax';
import { refuse, serveSteps } from '../serve.ts';

// One contender of bench/run.ts: `jax-subject.ts WORK`. Arrays are counted by reference: `x.ref` keeps x, plain `x` gives it away.

await init('wasm');
defaultDevice('wasm');

type Parameters = JaxArray[];
let seed = 0;
const normal = (shape: number[], scale: number): JaxArray => random.normal(random.key(seed++), shape).mul(scale);
const integers = (shape: number[], bound: number): JaxArray =>
  random.randint(random.key(seed++), { minval: 0, maxval: bound, shape });

function crossEntropy(logits: JaxArray, labels: JaxArray, classes: number): JaxArray {
  return nn
    .logSoftmax(logits)
    .mul(nn.oneHot(labels, classes))
    .sum()
    .mul(-1 / labels.size);
}

/** Adam with decoupled decay, everything in one compiled function. */
function trainer(
  initial: Parameters,
  loss: (p: Parameters, x: JaxArray, y: JaxArray) => JaxArray,
  x: JaxArray,
  y: JaxArray,
  options: { decay?: number; clip?: boolean } = {},
): () => Promise<unknown> {
  const [rate, beta1, beta2, eps] = [1e-3, 0.9, 0.999, 1e-8];
  const { decay = 0, clip = false } = options;
  const step = jit((p: Parameters, m: Parameters, v: Parameters, t: JaxArray, x: JaxArray, y: JaxArray) => {
    const [value, gradients] = valueAndGrad(loss)(
      p.map((w) => w.ref),
      x,
      y,
    ) as [JaxArray, Parameters];
    let scale: JaxArray = np.array(1);
    if (clip) {
      const norm = np.sqrt(gradients.map((g) => g.ref.mul(g.ref).sum()).reduce((a, b) => a.add(b)));
      scale = np.minimum(np.array(1), np.array(1).div(norm.add(1e-6)));
    }
    const correction1 = np.array(1).sub(np.exp(t.ref.mul(Math.log(beta1))));
    const correction2 = np.array(1).sub(np.exp(t.ref.mul(Math.log(beta2))));
    const next = p.map((w, i) => {
      const g = (gradients[i] as JaxArray).mul(scale.ref);
      const m1 = (m[i] as JaxArray).mul(beta1).add(g.ref.mul(1 - beta1));
      const v1 = (v[i] as JaxArray).mul(beta2).add(g.ref.mul(g).mul(1 - beta2));
      const move = m1.ref.div(correction1.ref).div(np.sqrt(v1.ref.div(correction2.ref)).add(eps));
      return { w: w.mul(1 - rate * decay).sub(move.mul(rate)), m: m1, v: v1 };
    });
    scale.dispose();
    correction1.dispose();
    correction2.dispose();
    return [value, next.map(({ w }) => w), next.map(({ m }) => m), next.map(({ v }) => v), t.add(1)] as const;
  });
  let p = initial;
  let m = p.map((w) => np.zeros(w.shape));
  let v = p.map((w) => np.zeros(w.shape));
  let t: JaxArray = np.array(1);
  return async () => {
    const result = step(p, m, v, t, x.ref, y.ref);
    const [value] = result;
    [, p, m, v, t] = result;
    await value.data();
  };
}

function mlp(): () => Promise<unknown> {
  const sizes = [784, 1024, 1024, 10];
  const parameters = sizes.slice(1).flatMap((size, i) => [normal([sizes[i] as number, size], 0.03), np.zeros([size])]);
  const loss = (p: Parameters, x: JaxArray, y: JaxArray) => {
    const [w1, b1, w2, b2, w3, b3] = p as [JaxArray, JaxArray, JaxArray, JaxArray, JaxArray, JaxArray];
    const h1 = nn.relu(np.matmul(x, w1).add(b1));
    const h2 = nn.relu(np.matmul(h1, w2).add(b2));
    return crossEntropy(np.matmul(h2, w3).add(b3), y, 10);
  };
  return trainer(parameters, loss, normal([256, 784], 1), integers([256], 10));
}

interface GptSize {
  readonly layers: number;
  readonly heads: number;
  readonly width: number;
  readonly context: number;
  readonly batch: number;
}

function gpt({ layers, heads, width, context, batch }: GptSize): () => Promise<unknown> {
  const [vocabulary, rows, head] = [65, batch * context, width / heads];
  const block = () => [
    np.ones([width]),
    normal([width, 3 * width], 0.02),
    normal([width, width], 0.02),
    np.ones([width]),
    normal([width, 4 * width], 0.02),
    normal([4 * width, width], 0.02),
  ];
  const parameters = [
    normal([vocabulary, width], 0.02),
    normal([context, width], 0.02),
    ...Array.from({ length: layers }, block).flat(),
    np.ones([width]),
  ];
  const perBlock = 6;
  const norm = (x: JaxArray, w: JaxArray) => nn.standardize(x, -1, { epsilon: 1e-5 }).mul(w);
  const loss = (p: Parameters, ids: JaxArray, targets: JaxArray) => {
    const [token, position] = p as [JaxArray, JaxArray];
    let x = np
      .matmul(nn.oneHot(ids, vocabulary), token.ref)
      .reshape([batch, context, width])
      .add(position)
      .reshape([rows, width]);
    for (let l = 0; l < layers; l++) {
      const [norm1, qkv, project, norm2, expand, contract] = p.slice(2 + l * perBlock, 2 + (l + 1) * perBlock) as [
        JaxArray,
        JaxArray,
        JaxArray,
        JaxArray,
        JaxArray,
        JaxArray,
      ];
      const all = np.matmul(norm(x.ref, norm1), qkv).reshape([batch, context, 3, heads, head]);
      const [q, k, v] = np.split(all, 3, 2).map((part) => part.reshape([batch, context, heads, head])) as [
        JaxArray,
        JaxArray,
        JaxArray,
      ];
      const y = nn.dotProductAttention(q, k, v, { isCausal: true }).reshape([rows, width]);
      x = x.add(np.matmul(y, project));
      x = x.ref.add(np.matmul(nn.gelu(np.matmul(norm(x, norm2), expand), { approximate: false }), contract));
    }
    const logits = np.matmul(norm(x, p.at(-1) as JaxArray), token.transpose());
    return crossEntropy(logits, targets, vocabulary);
  };
  return trainer(parameters, loss, integers([rows], vocabulary), integers([rows], vocabulary), {
    decay: 0.1,
    clip: true,
  });
}

function gemm(size: number): () => Promise<unknown> {
  const [a, b] = [normal([size, size], 1), normal([size, size], 1)];
  const product = jit(np.matmul);
  return async () => {
    const out = product(a.ref, b.ref);
    await out.blockUntilReady();
    out.dispose();
  };
}

const work = process.argv[2] ?? '';
const name = 'jax-js 0.1.25';
if (work === 'w1') await serveSteps(name, 256, mlp());
else if (work === 'w3') await serveSteps(name, 768, gpt({ layers: 4, heads: 4, width: 128, context: 64, batch: 12 }));
else if (work === 'w6') await serveSteps(name, 1024, gpt({ layers: 6, heads: 6, width: 384, context: 256, batch: 4 }));
else if (work.startsWith('gemm-')) {
  const size = Number(work.slice(5));
  await serveSteps(name, (2 * size ** 3) / 1e9, gemm(size));
} else refuse('not written for jax-js');
