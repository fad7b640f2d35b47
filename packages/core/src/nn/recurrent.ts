import { ShapeError, UsageError } from '../errors.ts';
import type { Tensor } from '../graph/tensor.ts';
import { type RecurrentLayerOptions, RecurrentLayers, type SequenceOptions } from './recurrent-layers.ts';

/** h = tanh(W_ih x + b_ih + W_hh h + b_hh), or ReLU (Elman 1990). */
export class RNN extends RecurrentLayers {
  constructor(
    inputSize: number,
    hiddenSize: number,
    options: RecurrentLayerOptions & { nonlinearity?: 'tanh' | 'relu' } = {},
  ) {
    const { nonlinearity = 'tanh' } = options;
    if (nonlinearity !== 'tanh' && nonlinearity !== 'relu')
      throw new UsageError(`nn.RNN: nonlinearity must be 'tanh' or 'relu', not '${nonlinearity}'.`);
    super('nn.RNN', nonlinearity === 'relu' ? 'rnnRelu' : 'rnnTanh', [inputSize, hiddenSize], options);
  }

  /**
   * `[batch, time, inputSize]` to `[output, state]`: the hidden state of the last layer at each step `[batch, time, directions * hiddenSize]`, 0
   * beyond a sample's length, and that of every layer after its last valid step `[batch, layers * directions, hiddenSize]`.
   *
   * @throws ShapeError where x, the initial state or lengths do not fit
   */
  forward(x: Tensor, { initial, lengths }: SequenceOptions<Tensor> = {}): [output: Tensor, state: Tensor] {
    const { output, states } = this.run(x, initial ? [initial] : [], lengths);
    return [output, states[0] as Tensor];
  }
}

/** Gated recurrent units (Cho et al. 2014), in PyTorch's form: gates r, z, n, the reset gate applied after the product. */
export class GRU extends RecurrentLayers {
  constructor(inputSize: number, hiddenSize: number, options: RecurrentLayerOptions = {}) {
    super('nn.GRU', 'gru', [inputSize, hiddenSize], options);
  }

  /** As `RNN.forward`. */
  forward(x: Tensor, { initial, lengths }: SequenceOptions<Tensor> = {}): [output: Tensor, state: Tensor] {
    const { output, states } = this.run(x, initial ? [initial] : [], lengths);
    return [output, states[0] as Tensor];
  }
}

/** Long short-term memory (Hochreiter and Schmidhuber 1997), gates i, f, g, o as in PyTorch. */
export class LSTM extends RecurrentLayers {
  constructor(inputSize: number, hiddenSize: number, options: RecurrentLayerOptions = {}) {
    super('nn.LSTM', 'lstm', [inputSize, hiddenSize], options);
  }

  /** As `RNN.forward`; a state is `[hidden, cell]`. */
  forward(
    x: Tensor,
    { initial, lengths }: SequenceOptions<readonly [hidden: Tensor, cell: Tensor]> = {},
  ): [output: Tensor, state: [hidden: Tensor, cell: Tensor]] {
    if (initial && (!Array.isArray(initial) || initial.length !== 2))
      throw new ShapeError('nn.LSTM: the initial state must be two tensors, [hidden, cell].');
    const { output, states } = this.run(x, initial ?? [], lengths);
    return [output, states as [Tensor, Tensor]];
  }
}
