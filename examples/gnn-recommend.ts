import { data, defineJob, loss, nn, ops, optim, type Tensor } from '@lockstep/core';
import { type Example, metric } from './support/example.ts';

const top = 10;

/** LightGCN (He et al. 2020): users and items are nodes of one graph; what is known of one is the mean of what 0 to 2 steps along its edges tell. */
class LightGcn extends nn.Module {
  embedding: nn.Parameter;
  conv = new nn.LGConv();
  /** How often each item was taken. */
  readonly popularity: Tensor;
  readonly #graph: ops.Adjacency;
  readonly #users: number;

  constructor({ pairs, users, items }: data.Interactions, dim = 32) {
    super();
    const nodes = users + items;
    this.#users = users;
    this.embedding = new nn.Parameter([nodes, dim], nn.init.normal(0.1));
    const edges = pairs.map(([user, item]) => [user, users + item] as const);
    const [graph] = [data.graphs([{ nodes, edges, features: new Float32Array(nodes), label: 0 }]).sample(0)];
    const { rowPointers, columns } = graph as data.GraphSample;
    this.#graph = ops.adjacency({ rowPointers: ops.tensor(rowPointers), columns: ops.tensor(columns) });
    const counts = new Float32Array(items);
    for (const [, item] of pairs) counts[item] = (counts[item] as number) + 1;
    this.popularity = ops.tensor(counts);
  }

  /** Scores of all items for each user, `[batch, items]`. */
  forward(user: Tensor): Tensor {
    const once = this.conv.forward(this.embedding, this.#graph);
    const twice = this.conv.forward(once, this.#graph);
    const known = this.embedding.add(once).add(twice);
    return ops.embedding(known, user).matmul(known.slice(0, this.#users), { transB: true });
  }
}

/** Share of held-out items among the best ten that the user has not taken, and the discount of their ranks; ties count half. */
function ranking(scores: Tensor, item: Tensor, seen: Tensor): { hitRate: Tensor; ndcg: Tensor } {
  const own = ops.gatherLast(scores, item).reshape([...item.shape, 1]);
  const above = ops.greater(scores, own).add(ops.greaterEqual(scores, own)).mul(0.5);
  const rank = above.mul(seen.to('f32').neg().add(1)).sum(1).sub(0.5);
  const hitRate = ops.greater(ops.full([], top), rank);
  return { hitRate, ndcg: hitRate.mul(Math.LN2).div(rank.add(2).log()) };
}

/** What might this user take next? Judged beside offering everybody the most popular items. */
export default defineJob({
  name: 'gnn-recommend',
  seed: 1,
  data: () => data.interactions({ seed: 1 }),
  model: ({ data }) => new LightGcn(data),
  batch: { size: 256, shards: 4 },
  epochs: 15,
  optimizer: optim.adam({ lr: 5e-3, weightDecay: 1e-3 }),
  step: ({ model, batch }) => ({ loss: loss.crossEntropy(model.forward(batch.user), batch.item) }),
  evaluate: ({ model, batch }) => {
    const { user, item, seen } = batch;
    const scores = model.forward(user);
    const popular = ranking(model.popularity.expand(scores.shape), item, seen);
    return {
      loss: loss.crossEntropy(scores, item),
      ...ranking(scores, item, seen),
      popularHitRate: popular.hitRate,
      popularNdcg: popular.ndcg,
    };
  },
});

export const example: Example = {
  system: 'graph network, recommendation',
  figures: [
    { name: 'hit rate among ten', atLeast: 0.4, percent: true, of: metric('hitRate') },
    { name: 'that of popularity', atMost: 0.3, percent: true, of: metric('popularHitRate') },
    {
      name: 'NDCG, times that of popularity',
      atLeast: 1.5,
      of: ({ metrics }) => (metrics.ndcg as number) / (metrics.popularNdcg as number),
    },
  ],
};
