/**
 * A size that is known only when a Program is bound: `coefficient` times the product of named dimensions, as in
 * `64 * batch`. It can be used in shapes and ops; turning it into a number throws, because a Program must not depend
 * on how many rows a shard happens to have.
 */
export class Dim {
  readonly coefficient: number;
  readonly symbols: readonly string[];

  constructor(symbols: readonly string[], coefficient = 1) {
    this.symbols = [...symbols].sort();
    this.coefficient = coefficient;
  }

  toString(): string {
    const names = this.symbols.join('*');
    return this.coefficient === 1 ? names : `${this.coefficient}*${names}`;
  }

  [Symbol.toPrimitive](hint: string): string {
    if (hint === 'string') return this.toString();
    throw new TypeError(
      `The size "${this.toString()}" is not a number while a step is traced: it changes from shard to shard. ` +
        'Use it in shapes, or return per-sample values and let Lockstep divide.',
    );
  }
}

/** One dimension of a shape. */
export type Size = number | Dim;
export type Shape = readonly Size[];
export type DType = 'f32' | 'i32' | 'u8';

/** How named dimensions are bound, e.g. `{ batch: 12 }`. */
export type DimBinding = Readonly<Record<string, number>>;

export const batchDim = (): Dim => new Dim(['batch']);

export function isSymbolic(size: Size): size is Dim {
  return typeof size !== 'number';
}

export function sameSize(a: Size, b: Size): boolean {
  if (typeof a === 'number' || typeof b === 'number') return a === b;
  return a.coefficient === b.coefficient && a.symbols.join() === b.symbols.join();
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((size, i) => sameSize(size, b[i] as Size));
}

/** The product of sizes: a number, or a Dim when any factor is one. */
export function product(sizes: Shape): Size {
  let coefficient = 1;
  const symbols: string[] = [];
  for (const size of sizes) {
    coefficient *= typeof size === 'number' ? size : size.coefficient;
    if (typeof size !== 'number') symbols.push(...size.symbols);
  }
  return symbols.length === 0 || coefficient === 0 ? coefficient : new Dim(symbols, coefficient);
}

/** `a / b` where it is whole for every binding; undefined otherwise. */
export function quotient(a: Size, b: Size): Size | undefined {
  const [ca, sa] = typeof a === 'number' ? [a, []] : [a.coefficient, [...a.symbols]];
  const [cb, sb] = typeof b === 'number' ? [b, []] : [b.coefficient, b.symbols];
  for (const symbol of sb) {
    const at = (sa as string[]).indexOf(symbol);
    if (at < 0) return undefined;
    (sa as string[]).splice(at, 1);
  }
  if (cb === 0 || ca % cb !== 0) return undefined;
  return sa.length === 0 ? ca / cb : new Dim(sa as string[], ca / cb);
}

function bindSize(size: Size, binding: DimBinding): number {
  if (typeof size === 'number') return size;
  return size.symbols.reduce((n, symbol) => n * (binding[symbol] as number), size.coefficient);
}

export const bindShape = (shape: Shape, binding: DimBinding): number[] => shape.map((size) => bindSize(size, binding));

export const shapeText = (shape: Shape): string => `[${shape.map(String).join(', ')}]`;
