import type { Size } from '../graph/dim.ts';
import type { Tensor } from '../graph/tensor.ts';
import * as ops from '../ops/index.ts';
import { fanInUniform } from './init.ts';
import { Module } from './module.ts';
import { Parameter } from './parameter.ts';
import { checkFeatures, checkRank, checkSizes, checkState } from './recurrent-checks.ts';

type CellName = Parameters<typeof ops.recurrent>[0];

/** Base of the single steps; weights under PyTorch's names. */
abstract class RecurrentCell extends Module {
  weight_ih: Parameter;
  weight_hh: Parameter;
  bias_ih: Parameter | undefined;
  bias_hh: Parameter | undefined;
  readonly #name: string;
  readonly #cell: CellName;
  readonly #sizes: readonly [inputSize: number, hiddenSize: number];

  constructor(name: string, cell: CellName, gates: number, sizes: [number, number], bias = true) {
    super();
    const [inputSize, hiddenSize] = sizes;
    checkSizes(name, { inputSize, hiddenSize });
    this.#name = name;
    this.#cell = cell;
    this.#sizes = sizes;
    const weight = (...shape: number[]) => new Parameter(shape, fanInUniform(hiddenSize));
    this.weight_ih = weight(gates * hiddenSize, inputSize);
    this.weight_hh = weight(gates * hiddenSize, hiddenSize);
    this.bias_ih = bias ? weight(gates * hiddenSize) : undefined;
    this.bias_hh = bias ? weight(gates * hiddenSize) : undefined;
  }

  protected step(x: Tensor, states: readonly Tensor[]): { hidden: Tensor; cell: Tensor | undefined } {
    const [inputSize, hiddenSize] = this.#sizes;
    checkRank(this.#name, x, ['batch', 'features']);
    checkFeatures(this.#name, x, inputSize);
    const batch = x.shape[0] as Size;
    for (const state of states) checkState(this.#name, state, [batch, hiddenSize], 'the state');
    const [h0, c0] = states;
    const { bias_ih: input, bias_hh: hidden } = this;
    const weights = { input: this.weight_ih, hidden: this.weight_hh, bias: input && hidden && { input, hidden } };
    return ops.recurrent(this.#cell, ops.reshape(x, [batch, 1, inputSize]), weights, { h0, c0 });
  }
}

/** One step of an RNN: x `[batch, inputSize]` and the state `[batch, hiddenSize]` (zeros where absent) to the next state. */
export class RNNCell extends RecurrentCell {
  constructor(inputSize: number, hiddenSize: number, options: { bias?: boolean; nonlinearity?: 'tanh' | 'relu' } = {}) {
    const cell = options.nonlinearity === 'relu' ? 'rnnRelu' : 'rnnTanh';
    super('nn.RNNCell', cell, 1, [inputSize, hiddenSize], options.bias);
  }

  forward(x: Tensor, state?: Tensor): Tensor {
    return this.step(x, state ? [state] : []).hidden;
  }
}

/** One step of a GRU: x `[batch, inputSize]` and the state `[batch, hiddenSize]` (zeros where absent) to the next state. */
export class GRUCell extends RecurrentCell {
  constructor(inputSize: number, hiddenSize: number, options: { bias?: boolean } = {}) {
    super('nn.GRUCell', 'gru', 3, [inputSize, hiddenSize], options.bias);
  }

  forward(x: Tensor, state?: Tensor): Tensor {
    return this.step(x, state ? [state] : []).hidden;
  }
}

/** One step of an LSTM: x `[batch, inputSize]` and `[hidden, cell]`, each `[batch, hiddenSize]` (zeros where absent), to the next pair. */
export class LSTMCell extends RecurrentCell {
  constructor(inputSize: number, hiddenSize: number, options: { bias?: boolean } = {}) {
    super('nn.LSTMCell', 'lstm', 4, [inputSize, hiddenSize], options.bias);
  }

  forward(x: Tensor, state?: readonly [hidden: Tensor, cell: Tensor]): [hidden: Tensor, cell: Tensor] {
    const { hidden, cell } = this.step(x, state ?? []);
    return [hidden, cell as Tensor];
  }
}
