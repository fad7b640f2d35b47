import { data, defineJob, loss, metrics, nn, ops, optim, type Tensor } from '@lockstep/core';
import { type Example, metric } from './support/example.ts';

/** Attention among neighbouring patches, then the mean and the largest of what they know. */
class PatchNet extends nn.Module {
  first = new nn.SAGEConv(18, 64);
  second = new nn.GATConv(64, 16, { heads: 4 });
  third = new nn.SAGEConv(64, 64, { aggr: 'max' });
  head = new nn.Sequential(new nn.LayerNorm(128), new nn.Linear(128, 64), ops.relu, new nn.Linear(64, 10));

  forward(x: Tensor, adjacency: ops.Adjacency, nodes: Tensor): Tensor {
    const a = this.first.forward(x, adjacency).relu();
    const b = this.second.forward(a, adjacency).relu().add(a);
    const c = this.third.forward(b, adjacency).relu().add(b);
    return this.head.forward(ops.concat([nn.globalMeanPool(c, nodes), nn.globalMaxPool(c, nodes)], -1));
  }
}

/** Digits as graphs: the patches with ink on them and who touches whom. */
export default defineJob({
  name: 'gnn-patches',
  seed: 1,
  data: () => ({
    train: data.patchGraphs(data.glyphs({ split: 'train', length: 6000 })),
    test: data.patchGraphs(data.glyphs({ split: 'test', length: 1000 })),
  }),
  model: () => new PatchNet(),
  batch: { size: 64 },
  epochs: 6,
  optimizer: optim.adamW({ lr: optim.cosine({ peak: 5e-3, warmupSteps: 50 }), weightDecay: 0.01 }),
  clipNorm: 1,
  step: ({ model, batch }) => {
    const { x, rowPointers, columns, nodes, label } = batch;
    const logits = model.forward(x, ops.adjacency({ rowPointers, columns }), nodes);
    return { loss: loss.crossEntropy(logits, label), accuracy: metrics.accuracy(logits, label) };
  },
});

export const example: Example = {
  system: 'graph network, graphs: image patches',
  figures: [{ name: 'test accuracy', atLeast: 0.95, percent: true, of: metric('accuracy') }],
};
