import type { Size } from '../graph/dim.ts';
import type { Tensor } from '../graph/tensor.ts';
import * as ops from '../ops/index.ts';
import { fanInUniform } from './init.ts';
import { Module } from './module.ts';
import { Parameter } from './parameter.ts';
import { checkFeatures, checkLengths, checkRank, checkSizes, checkState } from './recurrent-checks.ts';

export interface RecurrentLayerOptions {
  /** Layers, each reading the output of the one below. Default 1. */
  readonly numLayers?: number;
  /** Default true. */
  readonly bias?: boolean;
  /**
   * Default **true**, unlike PyTorch: a batch's samples always come first in Lockstep, so x is `[batch, time, features]` and a state is
   * `[batch, layers * directions, hidden]`. With false both are as in PyTorch's default: `[time, batch, features]` and
   * `[layers * directions, batch, hidden]`.
   */
  readonly batchFirst?: boolean;
  /** Probability of dropping an output of each layer but the last, while training. Default 0. */
  readonly dropout?: number;
  /** A second set of weights reads from the last valid step to the first; the outputs are joined. Default false. */
  readonly bidirectional?: boolean;
}

/** Arguments of `forward` besides x. */
export interface SequenceOptions<State> {
  /** State before the first step; zeros where absent. */
  readonly initial?: State | undefined;
  /** Valid steps of each sample, i32 `[batch]`, from 1 to the number of steps; all where absent. */
  readonly lengths?: Tensor | undefined;
}

type CellName = Parameters<typeof ops.recurrent>[0];
const gatesOf: Record<CellName, number> = { rnnTanh: 1, rnnRelu: 1, lstm: 4, gru: 3 };

/** Base of RNN, GRU and LSTM. Weights are properties under PyTorch's names, so that they load by name. */
export abstract class RecurrentLayers extends Module {
  /** `weight_ih_l0`, `weight_hh_l0`, `weight_ih_l0_reverse`, ...: `[gates * hidden, features]` and `[gates * hidden, hidden]` */
  [weight: `weight_${string}`]: Parameter | undefined;
  /** `bias_ih_l0`, `bias_hh_l0`, ...: `[gates * hidden]` */
  [bias: `bias_${string}`]: Parameter | undefined;
  readonly #name: string;
  readonly #cell: CellName;
  readonly #inputSize: number;
  readonly #hiddenSize: number;
  readonly #options: Required<RecurrentLayerOptions>;

  protected constructor(name: string, cell: CellName, sizes: [number, number], options: RecurrentLayerOptions) {
    super();
    const [inputSize, hiddenSize] = sizes;
    const { numLayers = 1, bias = true, batchFirst = true, dropout = 0, bidirectional = false } = options;
    checkSizes(name, { inputSize, hiddenSize, numLayers });
    if (!(dropout >= 0 && dropout < 1)) throw new RangeError(`${name}: dropout must be in [0, 1), not ${dropout}.`);
    this.#name = name;
    this.#cell = cell;
    this.#inputSize = inputSize;
    this.#hiddenSize = hiddenSize;
    this.#options = { numLayers, bias, batchFirst, dropout, bidirectional };
    const rows = gatesOf[cell] * hiddenSize;
    const weight = (...shape: number[]) => new Parameter(shape, fanInUniform(hiddenSize));
    for (let layer = 0; layer < numLayers; layer++) {
      const features = layer === 0 ? inputSize : hiddenSize * this.#directions.length;
      for (const direction of this.#directions) {
        const place = `l${layer}${direction}` as const;
        this[`weight_ih_${place}`] = weight(rows, features);
        this[`weight_hh_${place}`] = weight(rows, hiddenSize);
        if (!bias) continue;
        this[`bias_ih_${place}`] = weight(rows);
        this[`bias_hh_${place}`] = weight(rows);
      }
    }
  }

  /** Endings of the names of each direction's weights. */
  get #directions(): readonly string[] {
    return this.#options.bidirectional ? ['', '_reverse'] : [''];
  }

  /** @returns the output of the last layer, and each kind of final state over all layers and directions */
  protected run(
    input: Tensor,
    initial: readonly Tensor[],
    lengths: Tensor | undefined,
  ): { output: Tensor; states: Tensor[] } {
    const { numLayers, batchFirst, dropout } = this.#options;
    checkRank(this.#name, input, batchFirst ? ['batch', 'time', 'features'] : ['time', 'batch', 'features']);
    checkFeatures(this.#name, input, this.#inputSize);
    const samplesFirst = (x: Tensor): Tensor => (batchFirst ? x : ops.transpose(x, 0, 1));
    let x = samplesFirst(input);
    const batch = x.shape[0] as Size;
    const count = numLayers * this.#directions.length;
    const shape = batchFirst ? [batch, count, this.#hiddenSize] : [count, batch, this.#hiddenSize];
    for (const state of initial) checkState(this.#name, state, shape);
    if (lengths) checkLengths(this.#name, lengths, batch);

    const before = initial.map(samplesFirst);
    const after: { hidden: Tensor; cell: Tensor | undefined }[] = [];
    for (let layer = 0; layer < numLayers; layer++) {
      const below = layer > 0 ? ops.dropout(x, dropout) : x;
      const runs = this.#directions.map((direction, i) => {
        const [h0, c0] = before.map((state) => stateOf(state, layer * this.#directions.length + i));
        return this.#direction(below, `l${layer}${direction}`, { h0, c0, lengths, reverse: i === 1 });
      });
      x = ops.concat(
        runs.map(({ sequence }) => sequence),
        2,
      );
      after.push(...runs);
    }
    const all = (states: readonly Tensor[]): Tensor =>
      samplesFirst(
        ops.concat(
          states.map((state) => ops.reshape(state, [batch, 1, this.#hiddenSize])),
          1,
        ),
      );
    const cells = after.flatMap(({ cell }) => cell ?? []);
    const states = [all(after.map(({ hidden }) => hidden)), ...(cells.length > 0 ? [all(cells)] : [])];
    return { output: samplesFirst(x), states };
  }

  #direction(x: Tensor, place: string, options: Parameters<typeof ops.recurrent>[3]): ReturnType<typeof ops.recurrent> {
    const [input, hidden] = [this[`bias_ih_${place}`], this[`bias_hh_${place}`]];
    const weights = {
      input: this[`weight_ih_${place}`] as Parameter,
      hidden: this[`weight_hh_${place}`] as Parameter,
      bias: input && hidden && { input, hidden },
    };
    return ops.recurrent(this.#cell, x, weights, options);
  }
}

/** State `[batch, count, hidden]` of one layer and direction. */
const stateOf = (state: Tensor, i: number): Tensor =>
  ops.reshape(ops.slice(state, 1, i, i + 1), [state.shape[0] as Size, state.shape[2] as Size]);
