import { describe, expect, test } from 'vitest';
import { expectClose, floats } from '../../../../test/support/kernel-cases.ts';
import { nn, ops, type Tensor } from '../index.ts';
import { evaluateTensors } from '../program/evaluate-tensors.ts';

// Layers against the formulas in float64, sample by sample; the cells themselves are held against PyTorch's numbers elsewhere.

type Kind = 'RNN' | 'GRU' | 'LSTM';
const kinds: Kind[] = ['RNN', 'GRU', 'LSTM'];
const gates = { RNN: 1, GRU: 3, LSTM: 4 };
type Vector = number[];
interface State {
  h: Vector;
  c: Vector;
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** One step of one sample; `w(name)` are the layer's flat weights. */
function step(kind: Kind, x: Vector, { h, c }: State, w: (name: string) => ArrayLike<number> | undefined): State {
  const product = (weight: string, bias: string, row: number, v: Vector): number =>
    v.reduce(
      (sum, value, j) => sum + value * (w(weight)?.[row * v.length + j] as number),
      (w(bias)?.[row] as number) ?? 0,
    );
  const size = h.length;
  const from = (gate: number, j: number): [number, number] => [
    product('weight_ih', 'bias_ih', gate * size + j, x),
    product('weight_hh', 'bias_hh', gate * size + j, h),
  ];
  const sum = (gate: number, j: number): number => from(gate, j)[0] + from(gate, j)[1];
  const states = h.map((before, j): [number, number] => {
    if (kind === 'RNN') return [Math.tanh(sum(0, j)), 0];
    if (kind === 'GRU') {
      const [p, z] = from(2, j);
      const n = Math.tanh(p + sigmoid(sum(0, j)) * z);
      const u = sigmoid(sum(1, j));
      return [(1 - u) * n + u * before, 0];
    }
    const cell = sigmoid(sum(1, j)) * (c[j] as number) + sigmoid(sum(0, j)) * Math.tanh(sum(2, j));
    return [sigmoid(sum(3, j)) * Math.tanh(cell), cell];
  });
  return { h: states.map(([y]) => y), c: states.map(([, y]) => y) };
}

interface Options {
  numLayers: number;
  bidirectional: boolean;
  bias: boolean;
}
const [batch, time, features, hidden] = [3, 5, 2, 7];
const lengths = [2, 5, 1];

function build(kind: Kind, { numLayers, bidirectional, bias }: Options) {
  const options = { numLayers, bidirectional, bias };
  const layer = new nn[kind](features, hidden, options);
  const values = new Map<string, Float32Array>();
  for (const [name, { shape }] of layer.namedParameters()) {
    const data = floats(
      (shape as number[]).reduce((a, b) => a * b, 1),
      values.size + 10,
      0.8,
    );
    values.set(name, data);
    Object.assign(layer, { [name]: ops.tensor(data, { shape: shape as number[] }) });
  }
  return { layer, values };
}

/** The output `[batch, time, directions * hidden]` and states `[batch, layers * directions, hidden]`, flat. */
function reference(
  kind: Kind,
  options: Options,
  values: Map<string, Float32Array>,
  x: Float32Array,
  start: Float32Array[],
) {
  const directions = options.bidirectional ? ['', '_reverse'] : [''];
  const count = directions.length * options.numLayers;
  const output: number[] = [];
  const [hs, cs]: [number[], number[]] = [[], []];
  for (let b = 0; b < batch; b++) {
    let inputs = Array.from({ length: time }, (_, t) => [
      ...x.slice((b * time + t) * features, (b * time + t + 1) * features),
    ]);
    const valid = lengths[b] as number;
    for (let layer = 0; layer < options.numLayers; layer++) {
      const outputs: Vector[] = inputs.map(() => []);
      directions.forEach((direction, d) => {
        const at = (b * count + layer * directions.length + d) * hidden;
        const initial = (i: number): Vector => [...(start[i]?.slice(at, at + hidden) ?? Array<number>(hidden).fill(0))];
        let state: State = { h: initial(0), c: initial(1) };
        const order = Array.from({ length: valid }, (_, i) => (d === 0 ? i : valid - 1 - i));
        for (const t of order) {
          state = step(kind, inputs[t] as Vector, state, (name) => values.get(`${name}_l${layer}${direction}`));
          outputs[t]?.push(...state.h);
        }
        for (let t = valid; t < time; t++) outputs[t]?.push(...Array<number>(hidden).fill(0));
        hs.push(...state.h);
        cs.push(...state.c);
      });
      inputs = outputs;
    }
    output.push(...inputs.flat());
  }
  return [output, hs, ...(kind === 'LSTM' ? [cs] : [])];
}

describe.each(kinds)('%s', (kind) => {
  test.each([
    { numLayers: 1, bidirectional: false, bias: true },
    { numLayers: 1, bidirectional: true, bias: false },
    { numLayers: 2, bidirectional: true, bias: true },
    { numLayers: 3, bidirectional: false, bias: true },
  ])('%j', (options) => {
    const { layer, values } = build(kind, options);
    const x = floats(batch * time * features, 1);
    const count = options.numLayers * (options.bidirectional ? 2 : 1);
    const start = [floats(batch * count * hidden, 2, 0.9), floats(batch * count * hidden, 3, 0.9)].slice(
      0,
      kind === 'LSTM' ? 2 : 1,
    );
    const initial = start.map((state) => ops.tensor(state, { shape: [batch, count, hidden] }));
    const input = ops.tensor(x, { shape: [batch, time, features] });
    const of = (given: Tensor[]) => {
      const [output, state] = layer.forward(input, {
        lengths: ops.tensor(lengths, { dtype: 'i32' }),
        ...(given.length > 0 && { initial: (kind === 'LSTM' ? given : given[0]) as never }),
      });
      return evaluateTensors([output, ...[state].flat()]);
    };
    for (const given of [initial, []]) {
      const wanted = reference(kind, options, values, x, given.length > 0 ? start : []);
      for (const [i, got] of of(given).entries()) expectClose(got, wanted[i] as number[], 2e-6);
    }
  });

  test('time first, as in PyTorch, is the same with the dimensions swapped', () => {
    const x = ops.tensor(floats(batch * time * features, 1), { shape: [batch, time, features] });
    const { layer, values } = build(kind, { numLayers: 2, bidirectional: false, bias: true });
    const timeFirst = new nn[kind](features, hidden, { numLayers: 2, batchFirst: false });
    for (const [name, { shape }] of timeFirst.namedParameters())
      Object.assign(timeFirst, { [name]: ops.tensor(values.get(name) as Float32Array, { shape: shape as number[] }) });
    const [output, state] = layer.forward(x);
    const [output2, state2] = timeFirst.forward(x.transpose(0, 1));
    const swapped = [output2, ...[state2].flat()].map((y) => y.transpose(0, 1));
    expect(evaluateTensors(swapped)).toEqual(evaluateTensors([output, ...[state].flat()]));
  });

  test('a cell is one step of the layer', () => {
    const { layer, values } = build(kind, { numLayers: 1, bidirectional: false, bias: true });
    const cell = new nn[`${kind}Cell`](features, hidden);
    for (const [name, { shape }] of cell.namedParameters())
      Object.assign(cell, {
        [name]: ops.tensor(values.get(`${name}_l0`) as Float32Array, { shape: shape as number[] }),
      });
    const x = ops.tensor(floats(batch * 2 * features, 1), { shape: [batch, 2, features] });
    const at = (t: number) => x.slice(1, t, t + 1).reshape([batch, features]);
    const next = cell.forward(at(1), cell.forward(at(0)) as never);
    const [, state] = layer.forward(x);
    expect(evaluateTensors([next].flat())).toEqual(evaluateTensors([state].flat()));
  });

  test('weights have PyTorch names and shapes', () => {
    const layer = new nn[kind](features, hidden, { numLayers: 2, bidirectional: true });
    const rows = gates[kind] * hidden;
    const shapes = Object.fromEntries([...layer.namedParameters()].map(([name, { shape }]) => [name, shape]));
    expect(shapes).toEqual(
      Object.fromEntries(
        [0, 1].flatMap((l) =>
          ['', '_reverse'].flatMap((d) => [
            [`weight_ih_l${l}${d}`, [rows, l === 0 ? features : 2 * hidden]],
            [`weight_hh_l${l}${d}`, [rows, hidden]],
            [`bias_ih_l${l}${d}`, [rows]],
            [`bias_hh_l${l}${d}`, [rows]],
          ]),
        ),
      ),
    );
    const bare = new nn[kind](features, hidden, { bias: false });
    expect([...bare.namedParameters()].map(([name]) => name)).toEqual(['weight_ih_l0', 'weight_hh_l0']);
  });
});

test('an RNN with ReLU', () => {
  const layer = new nn.RNN(1, 1, { nonlinearity: 'relu' });
  const one = ops.tensor([[1]]);
  Object.assign(layer, {
    weight_ih_l0: one,
    weight_hh_l0: one,
    bias_ih_l0: ops.tensor([0]),
    bias_hh_l0: ops.tensor([-1]),
  });
  const [output] = layer.forward(ops.tensor([[[2], [3], [-9], [2]]]));
  expect([...(evaluateTensors([output])[0] as Float32Array)]).toEqual([1, 3, 0, 1]);
});

describe('what does not fit is named', () => {
  const lstm = new nn.LSTM(3, 4, { numLayers: 2 });
  const x = ops.zeros([5, 6, 3]);
  const state = ops.zeros([5, 2, 4]);
  const cases: [string, () => unknown, string][] = [
    ['rank', () => lstm.forward(ops.zeros([6, 3])), 'nn.LSTM: x must be [batch, time, features], not [6, 3].'],
    [
      'features',
      () => lstm.forward(ops.zeros([5, 6, 2])),
      'nn.LSTM: x [5, 6, 2] has 2 features, but the layer was made for 3.',
    ],
    [
      'lengths dtype',
      () => lstm.forward(x, { lengths: ops.zeros([5]) }),
      "nn.LSTM: lengths must be i32, not f32; cast them with .to('i32').",
    ],
    [
      'lengths shape',
      () => lstm.forward(x, { lengths: ops.tensor([1, 2], { dtype: 'i32' }) }),
      'nn.LSTM: lengths must be [5], not [2].',
    ],
    [
      'state shape',
      () => lstm.forward(x, { initial: [state, ops.zeros([5, 1, 4])] }),
      'nn.LSTM: the initial state must be [5, 2, 4], not [5, 1, 4].',
    ],
    ['cell input', () => new nn.GRUCell(3, 4).forward(x), 'nn.GRUCell: x must be [batch, features], not [5, 6, 3].'],
    [
      'cell state',
      () => new nn.GRUCell(3, 4).forward(ops.zeros([5, 3]), ops.zeros([5, 3])),
      'nn.GRUCell: the state must be [5, 4], not [5, 3].',
    ],
    ['a size', () => new nn.GRU(3, 0), 'nn.GRU: hiddenSize must be a whole number of at least 1, not 0.'],
    [
      'layers',
      () => new nn.RNN(3, 2, { numLayers: 1.5 }),
      'nn.RNN: numLayers must be a whole number of at least 1, not 1.5.',
    ],
    [
      'nonlinearity',
      () => new nn.RNN(3, 2, { nonlinearity: 'sigmoid' as 'tanh' }),
      "nn.RNN: nonlinearity must be 'tanh' or 'relu', not 'sigmoid'.",
    ],
    [
      'half a state',
      () => new nn.LSTM(3, 4).forward(x, { initial: ops.zeros([5, 1, 4]) as unknown as [Tensor, Tensor] }),
      'nn.LSTM: the initial state must be two tensors, [hidden, cell].',
    ],
    ['dropout', () => new nn.RNN(3, 2, { dropout: 1 }), 'nn.RNN: dropout must be in [0, 1), not 1.'],
  ];
  test.each(cases)('%s', (_, f, message) => expect(f).toThrow(message));
});

test.each([0, -1, 7])('a length of %i where there are 6 steps', (length) => {
  const weights = { input: ops.ones([4, 3]), hidden: ops.ones([4, 4]) };
  const { sequence } = ops.recurrent('rnnTanh', ops.ones([2, 6, 3]), weights, {
    lengths: ops.tensor([2, length], { dtype: 'i32' }),
  });
  expect(() => evaluateTensors([sequence])).toThrow(`rnnTanh: length ${length} at row 1 is out of range`);
});
