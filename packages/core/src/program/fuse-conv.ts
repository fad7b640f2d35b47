import { at, maskByOutput, masksOf, type Nodes } from './node-readers.ts';

/** relu(convolution): the kernel applies it to what it has in registers. */
export function fuseConvAndRelu(nodes: Nodes, readers: readonly number[][], conv: number, relu: number): void {
  const { op, inputs, attributes } = at(nodes, conv);
  const masks = masksOf(nodes, readers, conv, relu);
  if (!masks || attributes.relu === true) return;
  nodes[relu] = { ...at(nodes, relu), op, inputs, attributes: { ...attributes, relu: true } };
  maskByOutput(nodes, masks, relu);
}
