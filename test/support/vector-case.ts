import { data, nn } from '@lockstep/core';
import { expectClose, loadVector, type Values } from './torch-vector.ts';

// PyTorch's numbers (test/vectors/torch) for tests that run them through the whole engine.

export interface VectorCase {
  readonly config: Readonly<Record<string, unknown>>;
  readonly params: Readonly<Record<string, Values>>;
  readonly inputs: Readonly<Record<string, Values>>;
  readonly targets: Readonly<Record<string, Values>>;
  // biome-ignore lint/suspicious/noExplicitAny: what is in it differs from case to case
  readonly float64: any;
}

export const vectorCase = (name: string): VectorCase => loadVector<VectorCase>(name);

/** A layer with the weights of the case. */
export function givenLinear({ params }: VectorCase, name: string): nn.Linear {
  const { shape } = params[`${name}.weight`] as Values;
  const layer = new nn.Linear(shape[1] as number, shape[0] as number);
  const given = (parameter: string): nn.Parameter => {
    const values = params[parameter] as Values;
    return new nn.Parameter(values.shape, (into) => into.set(values.data));
  };
  layer.weight = given(`${name}.weight`);
  layer.bias = given(`${name}.bias`);
  return layer;
}

/** Float inputs and integer labels as a data source. */
export const arraysOf = (values: Readonly<Record<string, Values>>) =>
  data.arrays(
    Object.fromEntries(
      Object.entries(values).map(([name, { shape, data: list, dtype }]) => [
        name,
        { data: dtype === 'int64' ? Int32Array.from(list) : Float32Array.from(list), shape },
      ]),
    ),
  );

export const expectVector = (actual: ArrayLike<number> | undefined, { data: expected }: Values, what: string): void =>
  expectClose(actual ?? [], expected, what);

export const expectScalar = (actual: number | undefined, expected: number, what: string): void =>
  expectClose([actual ?? Number.NaN], [expected], what);
