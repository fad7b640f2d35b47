import { describe, expect, test } from 'vitest';
import { augment, data, defineJob, loss, metrics, nn, ops, optim, random, type Tensor } from '../index.ts';
import type { JobDefinition } from '../job/define-job.ts';
import type { TracedJob } from '../job/spec.ts';
import { traceJob } from '../job/trace-job.ts';
import { runOnce } from '../testing/program-runner.ts';

// The promise behind "shards as one batch": a merged run gives the bits of its shards run one by one and joined by the tree.

class TiedGpt extends nn.Module {
  token = new nn.Embedding(11, 8);
  position = new nn.Parameter([5, 8], nn.init.normal(0.1));
  norm1 = new nn.LayerNorm(8);
  attention = new nn.CausalSelfAttention(8, 2, { dropout: 0.2 });
  fused = new nn.CausalSelfAttention(8, 2, { bias: false });
  norm2 = new nn.LayerNorm(8, { bias: false });
  expand = new nn.Linear(8, 24);
  project = new nn.Linear(24, 8, { bias: false });
  drop = new nn.Dropout(0.3);
  forward(ids: Tensor): Tensor {
    const x = this.drop.forward(this.token.forward(ids).add(this.position));
    const seen = x.add(this.attention.forward(this.norm1.forward(x)));
    const a = seen.add(this.fused.forward(seen));
    const b = a.add(this.drop.forward(this.project.forward(this.expand.forward(this.norm2.forward(a)).gelu())));
    return ops.linear(b, this.token.weight);
  }
}

/** One Linear called three times: its weight has three contributions a shard. */
class Repeated extends nn.Module {
  first = new nn.Linear(7, 6);
  again = new nn.Linear(6, 6);
  last = new nn.Linear(6, 3);
  forward(x: Tensor): Tensor {
    let y = this.first.forward(x).tanh();
    for (let i = 0; i < 3; i++) y = this.again.forward(y).tanh();
    return this.last.forward(y);
  }
}

/** An unrolled recurrent cell over four steps. */
class Unrolled extends nn.Module {
  input = new nn.Linear(3, 5);
  hidden = new nn.Linear(5, 5);
  out = new nn.Linear(5, 4);
  forward(x: Tensor): Tensor {
    const at = (t: number) => x.slice(1, t, t + 1).reshape([x.shape[0] as never, 3]);
    let h = this.input.forward(at(0)).tanh();
    for (let t = 1; t < 4; t++) h = this.input.forward(at(t)).add(this.hidden.forward(h)).tanh();
    return this.out.forward(h);
  }
}

/** Two bidirectional LSTM layers over samples of different lengths, then a GRU that starts from their last state. */
class Recurrent extends nn.Module {
  lstm = new nn.LSTM(3, 13, { numLayers: 2, bidirectional: true, dropout: 0.2 });
  gru = new nn.GRU(26, 9);
  out = new nn.Linear(9, 4);
  forward(x: Tensor, lengths: Tensor): Tensor {
    const [y, [hidden]] = this.lstm.forward(x, { lengths });
    const initial = hidden.slice(1, 2, 3).slice(2, 0, 9);
    const [z] = this.gru.forward(y, { initial });
    return this.out.forward(z);
  }
}

/** Sees its images cropped, turned, flipped and lit at random. */
class Augmented extends nn.Module {
  last = new nn.Linear(3 * 5 * 7, 3);
  forward(x: Tensor): Tensor {
    const cropped = augment.randomHorizontalFlip(augment.randomCrop(x, { padding: 2 }));
    const turned = augment.randomAffine(cropped, { degrees: 20, translate: [0.1, 0.1], scale: [0.8, 1.2], shear: 10 });
    return this.last.forward(
      augment.colorJitter(turned, { brightness: 0.4, contrast: 0.4, saturation: 0.4 }).flatten(1),
    );
  }
}

/** Attention over padded positions by the fused kernel, then by a matrix of weights that dropout makes holes in. */
class Translator extends nn.Module {
  token = new nn.Embedding(11, 8);
  encoder = new nn.TransformerEncoderLayer(8, 2, { dimFeedforward: 12, dropout: 0 });
  decoder = new nn.TransformerDecoderLayer(8, 2, { dimFeedforward: 12, dropout: 0.2, normFirst: true });
  local = new nn.LuongAttention(8, { align: 'local-m', window: 2 });
  forward(source: Tensor, target: Tensor): Tensor {
    const keyPaddingMask = ops.greater(source.to('f32'), ops.full([], 8)).to('i32');
    const memory = this.encoder.forward(this.token.forward(source), { keyPaddingMask });
    const y = this.decoder.forward(this.token.forward(target), memory, { memory: { keyPaddingMask } });
    return ops.linear(this.local.forward(y, memory, { keyPaddingMask }), this.token.weight);
  }
}

/** Convolutions, pooling, and statistics of the shard: all of it is computed for several shards at once. */
class Images extends nn.Module {
  conv = new nn.Conv2d(2, 6, 3, { padding: 1 });
  norm = new nn.BatchNorm2d(6);
  block = new nn.BasicBlock(6, 8, { stride: 2 });
  dense = new nn.Conv2d(8, 9, 3, { padding: 1, bias: false });
  spread = new nn.Conv2d(9, 8, 1);
  mobile = new nn.InvertedResidual(8, 8, { expansion: 2 });
  up = new nn.ConvTranspose2d(8, 4, 2, { stride: 2 });
  group = new nn.GroupNorm(2, 4);
  features = new nn.BatchNorm1d(4);
  head = new nn.Linear(4, 3);
  forward(x: Tensor): Tensor {
    const a = this.norm.forward(this.conv.forward(x)).relu().maxPool2d(2);
    const b = this.spread.forward(this.dense.forward(this.block.forward(a)));
    const c = this.group.forward(this.up.forward(this.mobile.forward(b))).relu();
    return this.head.forward(this.features.forward(c.adaptiveAvgPool2d(1).flatten(1)));
  }
}

/** Normalises over the batch, so nothing after the first layer can be merged. */
class BatchMixing extends nn.Module {
  first = new nn.Linear(7, 5);
  last = new nn.Linear(5, 3);
  forward(x: Tensor): Tensor {
    const y = this.first.forward(x);
    return this.last.forward(y.sub(y.sum(0).mul(0.01)).relu());
  }
}

/** Graphs of various sizes through attention, convolution and aggregation. */
class GraphMix extends nn.Module {
  attention = new nn.GATConv(1, 3, { heads: 2 });
  convolution = new nn.GCNConv(6, 5);
  aggregation = new nn.SAGEConv(5, 7, { aggr: 'max' });
  out = new nn.Linear(7, 5);
  forward(x: Tensor, rowPointers: Tensor, columns: Tensor, nodes: Tensor): Tensor {
    const adjacency = ops.adjacency({ rowPointers, columns });
    const heard = this.convolution.forward(this.attention.forward(x, adjacency).tanh(), adjacency).tanh();
    return this.out.forward(nn.globalMeanPool(this.aggregation.forward(heard, adjacency), nodes));
  }
}

const length = 40;
const floats = (size: number, stream: number) => {
  const values = new Float32Array(length * size);
  new random.RandomStream([1, 2], stream).fillNormal(values, 0, 1);
  return values;
};
const labels = (size: number, classes: number) =>
  Int32Array.from({ length: length * size }, (_, i) => (i * 7 + (i % 5)) % classes);
const common = { batch: { size: 16 }, steps: 1, optimizer: optim.sgd({ lr: 0.1 }) };

const jobs: Record<string, JobDefinition> = {
  'a tied GPT with dropout': defineJob({
    ...common,
    name: 'gpt',
    model: () => new TiedGpt(),
    data: () => ({
      train: data.arrays({
        ids: { data: labels(5, 11), shape: [length, 5] },
        next: { data: labels(5, 11), shape: [length, 5] },
      }),
    }),
    step: ({ model, batch }) => {
      const logits = model.forward(batch.ids as Tensor);
      return {
        loss: loss.crossEntropy(logits, batch.next as Tensor),
        accuracy: metrics.accuracy(logits, batch.next as Tensor),
      };
    },
  }) as unknown as JobDefinition,
  'encoder and decoder with padding': defineJob({
    ...common,
    name: 'translator',
    model: () => new Translator(),
    data: () => ({
      train: data.arrays({
        source: { data: labels(7, 11), shape: [length, 7] },
        target: { data: labels(5, 11), shape: [length, 5] },
      }),
    }),
    step: ({ model, batch }) => ({
      loss: loss.crossEntropy(model.forward(batch.source as Tensor, batch.target as Tensor), batch.target as Tensor),
    }),
  }) as unknown as JobDefinition,
  'recurrent layers': defineJob({
    ...common,
    name: 'recurrent',
    model: () => new Recurrent(),
    data: () => ({
      train: data.arrays({
        x: { data: floats(4 * 3, 3), shape: [length, 4, 3] },
        steps: Int32Array.from({ length }, (_, i) => 1 + ((i * 7) % 4)),
        label: { data: labels(4, 4), shape: [length, 4] },
      }),
    }),
    step: ({ model, batch }) => ({
      loss: loss.crossEntropy(model.forward(batch.x as Tensor, batch.steps as Tensor), batch.label as Tensor),
    }),
  }) as unknown as JobDefinition,
  'a batch of graphs': defineJob({
    ...common,
    name: 'graphs',
    model: () => new GraphMix(),
    data: () => ({ train: data.graphShapes({ length, minNodes: 6, maxNodes: 9 }) }),
    step: ({ model, batch }) => {
      const { x, rowPointers, columns, nodes, label } = batch as Record<string, Tensor>;
      const logits = model.forward(x as Tensor, rowPointers as Tensor, columns as Tensor, nodes as Tensor);
      return { loss: loss.crossEntropy(logits, label as Tensor) };
    },
  }) as unknown as JobDefinition,
  ...Object.fromEntries(
    (
      [
        ['one Linear three times', Repeated, [7]],
        ['an unrolled cell', Unrolled, [4, 3]],
        ['augmented images', Augmented, [3, 5, 7]],
        ['a model of images', Images, [2, 9, 7]],
        ['a model that mixes the batch', BatchMixing, [7]],
      ] as const
    ).map(([name, Model, shape]) => [
      name,
      defineJob({
        ...common,
        name: 'job',
        model: () => new Model(),
        data: () => ({
          train: data.arrays({
            x: {
              data: floats(
                shape.reduce((a, b) => a * b, 1),
                3,
              ),
              shape: [length, ...shape],
            },
            label: labels(1, 3),
          }),
        }),
        step: ({ model, batch }) => ({
          loss: loss.crossEntropy(model.forward(batch.x as Tensor), batch.label as Tensor),
        }),
      }) as unknown as JobDefinition,
    ]),
  ),
};

function tree(leaves: readonly Float32Array[]): Float32Array {
  if (leaves.length === 1) return leaves[0] as Float32Array;
  let half = 1;
  while (half * 2 < leaves.length) half *= 2;
  const [left, right] = [tree(leaves.slice(0, half)), tree(leaves.slice(half))];
  return left.map((x, i) => x + (right[i] as number));
}

async function run(traced: TracedJob, segments: readonly number[], from: number, widen = true): Promise<Float32Array> {
  const [result] = await runGroups(traced, segments, [segments.length], from, widen);
  return result as Float32Array;
}

async function runGroups(
  traced: TracedJob,
  segments: readonly number[],
  groups: readonly number[],
  from: number,
  widen = true,
): Promise<Float32Array[]> {
  const { spec, host, initialParameters } = traced;
  const rows = segments.reduce((a, b) => a + b, 0);
  const inputs = Object.fromEntries(
    spec.fields.map(({ name, dtype, shape }) => {
      const size = shape.reduce((n, d) => n * d, 1) * rows;
      return [name, dtype === 'i32' ? new Int32Array(size) : new Float32Array(size)];
    }),
  );
  await host.fill(
    'train',
    Array.from({ length: rows }, (_, i) => from + i),
    inputs,
  );
  const request = {
    program: spec.phases[0]!.program,
    layout: spec.layout,
    parameters: initialParameters,
    segments,
    groups,
    inputs,
    position: from,
    widen,
  };
  return runOnce(request).results;
}

const bits = (values: Float32Array) => [...new Uint32Array(values.buffer)];

describe.each(Object.entries(jobs))('%s', (_, job) => {
  test.each([[[2, 2]], [[3, 1, 2]], [[1, 1, 1, 1, 1, 1, 1]], [[4, 5, 4, 5, 4, 5]]])('merged %j', async (segments) => {
    const traced = await traceJob(job);
    const leaves: Float32Array[] = [];
    let from = 0;
    for (const samples of segments) {
      leaves.push(await run(traced, [samples], from));
      from += samples;
    }
    const merged = await run(traced, segments, 0);
    expect(bits(merged)).toEqual(bits(tree(leaves)));
    expect(merged.some((x) => x !== 0)).toBe(true);
    expect(bits(await run(traced, segments, 0, false))).toEqual(bits(merged));
  });

  test.each([
    [
      [1, 1, 1, 1, 1, 1],
      [4, 2],
    ],
    [
      [2, 3, 2, 1, 4],
      [1, 4],
    ],
    [
      [3, 1, 2],
      [1, 1, 1],
    ],
  ])('merged %j with results %j kept apart', async (segments, groups) => {
    const traced = await traceJob(job);
    const results = await runGroups(traced, segments, groups, 0);
    let [shard, from] = [0, 0];
    for (const [g, count] of groups.entries()) {
      const leaves: Float32Array[] = [];
      for (const samples of segments.slice(shard, shard + count)) {
        leaves.push(await run(traced, [samples], from));
        from += samples;
      }
      shard += count;
      expect(bits(results[g] as Float32Array)).toEqual(bits(tree(leaves)));
    }
  });
});
