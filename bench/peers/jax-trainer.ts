import { type Array as JaxArray, jit, nn, numpy as np, random, valueAndGrad } from '@jax-js/jax';

// Arrays are counted by reference: `x.ref` keeps x, plain `x` gives it away.

export type Parameters = JaxArray[];

import type { Step } from '../serve.ts';

export type { Step };

let seed = 0;
export const normal = (shape: number[], scale: number): JaxArray => random.normal(random.key(seed++), shape).mul(scale);
export const integers = (shape: number[], bound: number): JaxArray =>
  random.randint(random.key(seed++), { minval: 0, maxval: bound, shape });

/** Mean over `labels` of -log softmax(logits)[label]. */
export function crossEntropy(logits: JaxArray, labels: JaxArray, classes: number): JaxArray {
  return nn
    .logSoftmax(logits)
    .mul(nn.oneHot(labels, classes))
    .sum()
    .mul(-1 / labels.size);
}

/** How parameters change: vectors kept for each of them, and the new parameter and vectors from a gradient. `t` counts from 1. */
interface Optimizer {
  readonly vectors: number;
  update(t: JaxArray): (w: JaxArray, g: JaxArray, state: Parameters) => { w: JaxArray; state: Parameters };
}

/** Adam, with decoupled decay. */
export function adam(decay = 0): Optimizer {
  const [rate, beta1, beta2, eps] = [1e-3, 0.9, 0.999, 1e-8];
  return {
    vectors: 2,
    update(t) {
      const correction1 = np.array(1).sub(np.exp(t.ref.mul(Math.log(beta1))));
      const correction2 = np.array(1).sub(np.exp(t.mul(Math.log(beta2))));
      return (w, g, [m, v]) => {
        const m1 = (m as JaxArray).mul(beta1).add(g.ref.mul(1 - beta1));
        const v1 = (v as JaxArray).mul(beta2).add(g.ref.mul(g).mul(1 - beta2));
        const move = m1.ref.div(correction1.ref).div(np.sqrt(v1.ref.div(correction2.ref)).add(eps));
        return { w: w.mul(1 - rate * decay).sub(move.mul(rate)), state: [m1, v1] };
      };
    },
  };
}

export function momentum(rate: number, keep: number): Optimizer {
  return {
    vectors: 1,
    update(t) {
      t.dispose();
      return (w, g, [m]) => {
        const m1 = (m as JaxArray).mul(keep).add(g);
        return { w: w.sub(m1.ref.mul(rate)), state: [m1] };
      };
    },
  };
}

/** A step of training on one batch, everything in one compiled function. */
export function trainer(
  initial: Parameters,
  loss: (p: Parameters, x: JaxArray, y: JaxArray) => JaxArray,
  [x, y]: readonly [JaxArray, JaxArray],
  { optimizer = adam(), clip = false }: { optimizer?: Optimizer; clip?: boolean } = {},
): Step {
  const step = jit((p: Parameters, state: Parameters[], t: JaxArray, x: JaxArray, y: JaxArray) => {
    const [value, gradients] = valueAndGrad(loss)(
      p.map((w) => w.ref),
      x,
      y,
    ) as [JaxArray, Parameters];
    const scaled = clip ? clipped(gradients) : gradients;
    const update = optimizer.update(t.ref);
    const next = p.map((w, i) => update(w, scaled[i] as JaxArray, state[i] as Parameters));
    return [value, next.map(({ w }) => w), next.map(({ state }) => state), t.add(1)] as const;
  });
  let p = initial;
  let state = p.map((w) => Array.from({ length: optimizer.vectors }, () => np.zeros(w.shape)));
  let t: JaxArray = np.array(1);
  const once: Step = async () => {
    const result = step(p, state, t, x.ref, y.ref);
    const [value] = result;
    [, p, state, t] = result;
    await value.data();
  };
  // The loss is there before the weights are; the next step may begin meanwhile.
  once.settle = async () => {
    for (const w of p) await w.blockUntilReady();
  };
  return once;
}

/** Scaled to a norm of at most 1. */
function clipped(gradients: Parameters): Parameters {
  const norm = np.sqrt(gradients.map((g) => g.ref.mul(g.ref).sum()).reduce((a, b) => a.add(b)));
  const scale = np.minimum(np.array(1), np.array(1).div(norm.add(1e-6)));
  const scaled = gradients.map((g) => g.mul(scale.ref));
  scale.dispose();
  return scaled;
}
