import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { FormatError, UsageError } from '../errors.ts';
import { readWeights } from '../formats/read-weights.ts';
import { encodeSafetensors, type TensorToStore } from '../formats/safetensors-encode.ts';
import type { Tensor } from '../graph/tensor.ts';
import { full } from '../ops/leaf.ts';
import { deriveKey } from '../random/keys.ts';
import { RandomStream } from '../random/stream.ts';
import * as nn from './index.ts';

class Net extends nn.Module {
  body = new nn.Linear(2, 3);
  head: nn.Linear;
  counted = new nn.Buffer([2], nn.init.zeros);

  constructor(classes = 2) {
    super();
    this.head = new nn.Linear(3, classes, { bias: false });
  }

  forward(x: Tensor): Tensor {
    return this.head.forward(this.body.forward(x).relu());
  }
}

const body = { shape: [3, 2], data: [1, 2, 3, 4, 5, 6] };
const all = { 'body.weight': body, 'body.bias': [7, 8, 9], 'head.weight': [1, 1, 1, 2, 2, 2], counted: [3, 4] };

/** What a tensor of the model starts as. */
function start(model: nn.Module, name: string): number[] {
  const [, tensor] = [...model.namedTensors()].find(([own]) => own === name) as [string, nn.Parameter];
  const shape = tensor.shape as number[];
  const values = new Float32Array(shape.reduce((n, d) => n * d, 1));
  tensor.initializer(values, new RandomStream(deriveKey(1, 'init'), 1), shape);
  return [...values];
}

describe('loadWeights', () => {
  test('all of a model, buffers too', () => {
    const model = new Net();
    const report = nn.loadWeights(model, all);
    expect(report).toEqual({
      loaded: ['body.weight', 'body.bias', 'head.weight', 'counted'],
      missing: [],
      unexpected: [],
      mismatched: [],
    });
    expect(start(model, 'body.weight')).toEqual([1, 2, 3, 4, 5, 6]);
    expect(start(model, 'body.bias')).toEqual([7, 8, 9]);
    expect(start(model, 'counted')).toEqual([3, 4]);
  });

  test('a body under another head: what fits, with a report', () => {
    const model = new Net(5);
    const before = start(model, 'head.weight');
    const { 'body.bias': _, ...given } = all;
    const report = nn.loadWeights(model, { ...given, 'old.weight': [1] }, { strict: false });
    expect(report.loaded).toEqual(['body.weight', 'counted']);
    expect(report.missing).toEqual(['body.bias']);
    expect(report.unexpected).toEqual(['old.weight']);
    expect(report.mismatched).toEqual([{ name: 'head.weight', model: [5, 3], given: [6] }]);
    expect(start(model, 'head.weight')).toEqual(before);
  });

  test('another order of the same size is another shape', () => {
    const turned = { ...all, 'body.weight': { shape: [2, 3], data: body.data } };
    expect(() => nn.loadWeights(new Net(), turned)).toThrow(
      "loadWeights: of another shape: body.weight is [2, 3], the model's [3, 2].",
    );
  });

  test('strict names everything', () => {
    const { 'body.bias': _, ...given } = all;
    const load = () => nn.loadWeights(new Net(), { ...given, extra: [1] });
    expect(load).toThrow(UsageError);
    expect(load).toThrow(/missing body.bias; unexpected extra\. Give \{ strict: false \}/);
  });

  test("the names of a Sequential are PyTorch's: layers by their place, functions counted", () => {
    const model = new nn.Sequential(new nn.Linear(2, 3), (x) => x.relu(), new nn.Linear(3, 2, { bias: false }));
    const given = { '0.weight': body, '0.bias': [7, 8, 9], '2.weight': all['head.weight'] };
    expect(nn.loadWeights(model, given).loaded).toEqual(['0.weight', '0.bias', '2.weight']);
    expect(model.forward(full([1, 2], 1)).shape).toEqual([1, 2]);
  });

  test('rename', () => {
    const model = new Net();
    const given = { '0.weight': body, '0.bias': [7, 8, 9], 'optimizer.step': [1] };
    const rename = (name: string) => (name.startsWith('optimizer') ? undefined : name.replace('0.', 'body.'));
    const report = nn.loadWeights(model, given, { strict: false, rename });
    expect(report.loaded).toEqual(['body.weight', 'body.bias']);
    expect(report.unexpected).toEqual([]);
    expect(() => nn.loadWeights(model, given, { rename: () => 'body.bias' })).toThrow(/"body.bias" to two tensors/);
  });
});

describe('readWeights', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-weights-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const stored = (name: string, tensor: TensorToStore): string => {
    const path = join(folder, name);
    writeFileSync(path, encodeSafetensors([tensor]));
    return path;
  };

  test('all float types', () => {
    const of = (dtype: 'F32' | 'F64' | 'F16' | 'BF16', data: never) => [
      ...(readWeights(stored(`${dtype}.safetensors`, { name: 'w', dtype, shape: [3], data })).w?.data ?? []),
    ];
    expect(of('F32', Float32Array.of(1, -2.5, 0.1) as never)).toEqual([1, -2.5, Math.fround(0.1)]);
    expect(of('F64', Float64Array.of(1, -2.5, 0.1) as never)).toEqual([1, -2.5, Math.fround(0.1)]);
    expect(of('BF16', Uint16Array.of(0x3f80, 0xc020, 0xff80) as never)).toEqual([1, -2.5, Number.NEGATIVE_INFINITY]);
    expect(of('F16', Uint16Array.of(0x3c00, 0xc100, 0x0001) as never)).toEqual([1, -2.5, 2 ** -24]);
    expect(of('F16', Uint16Array.of(0x7c00, 0x7bff, 0x8000) as never)).toEqual([Number.POSITIVE_INFINITY, 65504, -0]);
  });

  test('what is no weights', () => {
    const whole = stored('whole.safetensors', { name: 'w', dtype: 'I32', shape: [1], data: Int32Array.of(1) });
    expect(() => readWeights(whole)).toThrow(/tensor "w" is I32; weights are floats/);
    expect(() => readWeights(whole)).toThrow(FormatError);
    expect(() => readWeights(join(folder, 'none'))).toThrow(/none cannot be read \(ENOENT\): name a .safetensors file/);
    expect(() => readWeights(folder)).toThrow(UsageError);
    writeFileSync(join(folder, 'noise'), 'this is not a tensor');
    expect(() => readWeights(join(folder, 'noise'))).toThrow(FormatError);
  });
});
