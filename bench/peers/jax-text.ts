import { type Array as JaxArray, nn, numpy as np } from '@jax-js/jax';
import { adam, crossEntropy, integers, normal, type Parameters, type Step, trainer } from './jax-trainer.ts';

// The works of bench/works.ts on sequences.

interface GptSize {
  readonly layers: number;
  readonly heads: number;
  readonly width: number;
  readonly context: number;
  readonly batch: number;
}

export function gpt({ layers, heads, width, context, batch }: GptSize): Step {
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
  const batchOf = [integers([rows], vocabulary), integers([rows], vocabulary)] as const;
  return trainer(parameters, loss, batchOf, { optimizer: adam(0.1), clip: true });
}

/** 64 time steps one after the other in the compiled function: there is no loop to compile. The inputs' product is made at once. */
export function lstm(): Step {
  const [batch, time, inside, hidden, classes] = [32, 64, 64, 256, 64];
  const parameters = [
    normal([inside, 4 * hidden], 0.06),
    normal([hidden, 4 * hidden], 0.06),
    np.zeros([4 * hidden]),
    normal([hidden, classes], 0.06),
    np.zeros([classes]),
  ];
  const loss = (p: Parameters, x: JaxArray, labels: JaxArray) => {
    const [wx, wh, bias, head, headBias] = p as [JaxArray, JaxArray, JaxArray, JaxArray, JaxArray];
    const inputs = np.unstack(
      np
        .matmul(x, wx)
        .add(bias)
        .reshape([time, batch, 4 * hidden]),
      0,
    );
    let h: JaxArray = np.zeros([batch, hidden]);
    let c: JaxArray = np.zeros([batch, hidden]);
    const outputs = inputs.map((input) => {
      const [i, f, g, o] = np.split(input.add(np.matmul(h, wh.ref)), 4, 1) as [JaxArray, JaxArray, JaxArray, JaxArray];
      c = nn
        .sigmoid(f)
        .mul(c)
        .add(nn.sigmoid(i).mul(np.tanh(g)));
      h = nn.sigmoid(o).mul(np.tanh(c.ref));
      return h.ref;
    });
    for (const last of [h, c, wh]) last.dispose();
    return crossEntropy(np.matmul(np.concatenate(outputs, 0), head).add(headBias), labels, classes);
  };
  return trainer(parameters, loss, [normal([time * batch, inside], 1), integers([time * batch], classes)]);
}
