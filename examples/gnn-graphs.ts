import { data, defineJob, loss, metrics, nn, ops, optim, type Tensor } from '@lockstep/core';
import { type Example, metric } from './support/example.ts';

const perceptron = (inFeatures: number, width: number) =>
  new nn.Sequential(new nn.Linear(inFeatures, width), ops.relu, new nn.Linear(width, width), ops.relu);

/** Three isomorphism layers; the sums of each layer's nodes are what is judged. */
class GraphNet extends nn.Module {
  layers = [new nn.GINConv(perceptron(1, 32)), new nn.GINConv(perceptron(32, 32)), new nn.GINConv(perceptron(32, 32))];
  head = new nn.Sequential(new nn.LayerNorm(96), new nn.Linear(96, 32), ops.relu, new nn.Linear(32, 5));

  forward(x: Tensor, adjacency: ops.Adjacency, nodes: Tensor): Tensor {
    const pooled: Tensor[] = [];
    let y = x;
    for (const layer of this.layers) {
      y = layer.forward(y, adjacency);
      pooled.push(nn.globalMeanPool(y, nodes));
    }
    return this.head.forward(ops.concat(pooled, -1));
  }
}

/** Is a graph a cycle, a tree, a grid, a ring of cliques or nothing of the kind? Nodes have no features: only the edges tell. */
export default defineJob({
  name: 'gnn-graphs',
  seed: 1,
  data: () => ({
    train: data.graphShapes({ seed: 1, length: 2000 }),
    test: data.graphShapes({ seed: 2, length: 500 }),
  }),
  model: () => new GraphNet(),
  batch: { size: 64 },
  epochs: 20,
  optimizer: optim.adamW({ lr: optim.cosine({ peak: 5e-3, warmupSteps: 20 }), weightDecay: 0.01 }),
  clipNorm: 1,
  step: ({ model, batch }) => {
    const { x, rowPointers, columns, nodes, label } = batch;
    const logits = model.forward(x, ops.adjacency({ rowPointers, columns }), nodes);
    return { loss: loss.crossEntropy(logits, label), accuracy: metrics.accuracy(logits, label) };
  },
});

export const example: Example = {
  system: 'graph network, graphs: shapes',
  figures: [{ name: 'test accuracy', atLeast: 0.95, percent: true, of: metric('accuracy') }],
};
