import { train } from '@lockstep/coordinator';
import { data, defineJob, loss, nn, ops, optim, type Tensor } from '@lockstep/core';
import { describe, expect, test } from 'vitest';

// A graph that is wrong in one sample stops the run with one sentence, whatever thread meets it.

class Net extends nn.Module {
  conv = new nn.GCNConv(2, 3);
  forward({ x, rowPointers, columns, nodes }: Record<string, Tensor>): Tensor {
    const adjacency = ops.adjacency({ rowPointers: rowPointers as Tensor, columns: columns as Tensor });
    return nn.globalMeanPool(this.conv.forward(x as Tensor, adjacency), nodes as Tensor);
  }
}

const graphs = 30;
/** A path of three nodes in room for four nodes and five edges. */
const right = { rowPointers: [0, 1, 3, 4, 4], columns: [1, 0, 2, 1, 0], nodes: [3] };

function jobWith(bad: Partial<typeof right>, at: number, split: 'train' | 'test') {
  const field = (name: keyof typeof right, wrong: boolean) => {
    const rows = Array.from({ length: graphs }, (_, i) => (wrong && i === at && bad[name]) || right[name]);
    return { data: Int32Array.from(rows.flat()), shape: [graphs, ...(name === 'nodes' ? [] : [right[name].length])] };
  };
  const source = (wrong: boolean) =>
    data.arrays({
      x: { data: new Float32Array(graphs * 8).fill(1), shape: [graphs, 4, 2] },
      rowPointers: field('rowPointers', wrong),
      columns: field('columns', wrong),
      nodes: field('nodes', wrong),
      label: new Int32Array(graphs),
    });
  return defineJob({
    name: 'bad-graph',
    data: () => ({ train: source(split === 'train'), test: source(split === 'test') }),
    model: () => new Net(),
    batch: { size: 16 },
    epochs: 1,
    optimizer: optim.sgd({ lr: 0.1 }),
    step: ({ model, batch }) => ({ loss: loss.crossEntropy(model.forward(batch), batch.label) }),
  });
}

describe.each<[string, Partial<typeof right>, RegExp]>([
  [
    'a column that is no node',
    { columns: [1, 0, 4, 1, 0] },
    /^Column 4 is out of range \[0, 4\) in sample 17 of the \w+ data, field "columns" \(adjacencyColumns\)/,
  ],
  ['a negative column', { columns: [-1, 0, 2, 1, 0] }, /^Column -1 is out of range \[0, 4\) in sample 17 .* "columns"/],
  [
    'a row pointer that falls',
    { rowPointers: [0, 3, 1, 4, 4] },
    /^Pointer 1 is out of range \[0 or the pointer before it, 5\] in sample 17 of the \w+ data, field "rowPointers"/,
  ],
  ['a row pointer beyond the edges', { rowPointers: [0, 1, 3, 4, 6] }, /^Pointer 6 .* in sample 17 .* "rowPointers"/],
  [
    'more nodes than there is room for',
    { nodes: [5] },
    /^Pointer 5 is out of range \[0 or the pointer before it, 4\] in sample 17 .* field "nodes"/,
  ],
])('%s', (_, bad, says) => {
  test.each([
    ['train', 1],
    ['train', 3],
    ['test', 2],
  ] as const)('in the %s data, %i threads', async (split, threads) => {
    await expect(train(jobWith(bad, 17, split), { threads }).done).rejects.toThrow(says);
  });
});

test('what lies behind the last edge is not looked at', async () => {
  const job = jobWith({ columns: [1, 0, 2, 1, 99] }, 17, 'train');
  const clean = await train(jobWith({}, 17, 'train'), { threads: 2 }).done;
  expect(await train(job, { threads: 2 }).done).toMatchObject({ digest: clean.digest });
});
