import type { KernelName } from '../kernels/opcodes.ts';

/** What the kernels of one kind of cell keep of each step, in units of the hidden size. */
export interface Cell {
  readonly name: 'rnnTanh' | 'rnnRelu' | 'lstm' | 'gru';
  /** Rows of the weights: PyTorch's order, i f g o of an LSTM and r z n of a GRU. */
  readonly gates: number;
  /** Floats kept for the derivative; the hidden state comes first, the cell state of an LSTM second. */
  readonly kept: number;
  /** Floats of a step's gradient before the activations. A GRU has two for n, the recurrent product's and the input's. */
  readonly gradients: number;
  readonly kernel: KernelName;
  readonly gradientKernel: KernelName;
}

export const cells = {
  rnnTanh: {
    name: 'rnnTanh',
    gates: 1,
    kept: 1,
    gradients: 1,
    kernel: 'rnnTanhCell',
    gradientKernel: 'rnnTanhCellGrad',
  },
  rnnRelu: {
    name: 'rnnRelu',
    gates: 1,
    kept: 1,
    gradients: 1,
    kernel: 'rnnReluCell',
    gradientKernel: 'rnnReluCellGrad',
  },
  lstm: { name: 'lstm', gates: 4, kept: 6, gradients: 4, kernel: 'lstmCell', gradientKernel: 'lstmCellGrad' },
  gru: { name: 'gru', gates: 3, kept: 5, gradients: 4, kernel: 'gruCell', gradientKernel: 'gruCellGrad' },
} as const satisfies Record<string, Cell>;

export type CellName = keyof typeof cells;
