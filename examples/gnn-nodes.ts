import { data, defineJob, loss, metrics, nn, ops, optim, type Tensor } from '@lockstep/core';
import { type Example, metric } from './support/example.ts';

/** A graph convolution, and its answer carried on along the friendships (Gasteiger et al. 2019). */
class NodeNet extends nn.Module {
  conv = new nn.GCNConv(34, 4);
  propagate = new nn.APPNP(10, 0.4);

  forward(x: Tensor, rowPointers: Tensor, columns: Tensor): Tensor {
    const club = ops.adjacency({ rowPointers, columns });
    return this.propagate.forward(this.conv.forward(x, club), club);
  }
}

/** The member of each community with most friends. */
const labelled = [33, 0, 31, 5];

/** Zachary's karate club: four members say which community they belong to, the friendships tell about the other thirty. */
export default defineJob({
  name: 'gnn-nodes',
  seed: 1,
  data: () => ({ train: data.karateClub({ labelled }), test: data.karateClub({ labelled }) }),
  model: () => new NodeNet(),
  batch: { size: 1 },
  epochs: 300,
  optimizer: optim.adam({ lr: 0.01, weightDecay: 0.01 }),
  evalEvery: 300,
  step: ({ model, batch }) => {
    const logits = model.forward(batch.x, batch.rowPointers, batch.columns);
    return { loss: loss.crossEntropy(logits, batch.known, { ignoreIndex: -100 }) };
  },
  evaluate: ({ model, batch }) => {
    const logits = model.forward(batch.x, batch.rowPointers, batch.columns);
    return { loss: loss.crossEntropy(logits, batch.label), accuracy: metrics.accuracy(logits, batch.label) };
  },
  predict: ({ model, batch }) => ({ community: model.forward(batch.x, batch.rowPointers, batch.columns).argmax() }),
});

export const example: Example = {
  system: 'graph network, nodes: karate club from four labels',
  figures: [{ name: 'accuracy on all members', atLeast: 0.94, percent: true, of: metric('accuracy') }],
};
