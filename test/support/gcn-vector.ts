import { nn, ops, type Tensor } from '@lockstep/core';
import type { Values } from './torch-vector.ts';

/** Compressed rows of dense adjacencies `[graphs, nodes, nodes]`, edges padded to the most that a graph has. */
function compressed({ shape, data }: Values): ops.Adjacency {
  const [graphs, nodes] = shape as [number, number];
  const rows = Array.from({ length: graphs * nodes }, (_, i) =>
    data.slice(i * nodes, (i + 1) * nodes).flatMap((a, j) => (a ? [j] : [])),
  );
  const each = Array.from({ length: graphs }, (_, b) => rows.slice(b * nodes, (b + 1) * nodes));
  const pointers = each.map((list) => [0, ...list.map((_, i) => list.slice(0, i + 1).flat().length)]);
  const most = Math.max(...each.map((list) => list.flat().length));
  const columns = each.map((list) => [...list.flat(), ...Array<number>(most).fill(0)].slice(0, most));
  return ops.adjacency({
    rowPointers: ops.tensor(pointers, { dtype: 'i32' }),
    columns: ops.tensor(columns, { dtype: 'i32' }),
  });
}

/** The case's model: two graph convolutions, the mean over nodes, a linear layer. */
export function gcn(x: Tensor, p: (name: string) => Tensor, dense: Values): Tensor {
  const adjacency = compressed(dense);
  const [graphs, nodes] = x.shape as [number, number];
  const conv = (y: Tensor, name: string) => {
    const layer = new nn.GCNConv(y.shape.at(-1) as number, 4);
    layer.lin.weight = p(`${name}.weight`) as nn.Parameter;
    layer.bias = p(`${name}.bias`) as nn.Parameter;
    return layer.forward(y, adjacency).relu();
  };
  const counts = ops.tensor(Array<number>(graphs).fill(nodes), { dtype: 'i32' });
  return ops.linear(nn.globalMeanPool(conv(conv(x, 'gc1'), 'gc2'), counts), p('fc.weight'), p('fc.bias'));
}
