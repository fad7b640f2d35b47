import { deriveKey, FormatError, RandomStream } from '@lockstep/core/internal';
import type { VectorLayout } from './vector-layout.ts';

/** An entry that pays to be sent as two thin matrices, seen as `[rows, columns]`. */
interface Matrix {
  readonly offset: number;
  readonly rows: number;
  readonly columns: number;
  readonly rank: number;
}

/** What of a vector is sent how. */
interface Parts {
  readonly matrices: readonly Matrix[];
  /** Everything else, as it is. */
  readonly plain: readonly { readonly from: number; readonly to: number }[];
  /** Floats of a message. */
  readonly floats: number;
}

function partsOf({ entries, length }: VectorLayout, wanted: number): Parts {
  const matrices: Matrix[] = [];
  const plain: { from: number; to: number }[] = [];
  let at = 0;
  for (const { shape, offset, size } of entries) {
    const rows = shape[0] ?? 1;
    const columns = size / rows;
    const rank = Math.min(wanted, rows, columns);
    if (shape.length < 2 || rank * (rows + columns) >= size) continue;
    if (offset > at) plain.push({ from: at, to: offset });
    matrices.push({ offset, rows, columns, rank });
    at = offset + size;
  }
  if (length > at) plain.push({ from: at, to: length });
  const floats =
    matrices.reduce((n, { rows, columns, rank }) => n + rank * (rows + columns), 0) +
    plain.reduce((n, { from, to }) => n + to - from, 0);
  return { matrices, plain, floats };
}

/**
 * PowerSGD (Vogels, Karimireddy and Jaggi 2019): a gradient matrix M is sent as P Q^T of low rank, found by one step of the power iteration
 * from the last Q: P = M Q, made orthonormal, then Q = M^T P. Message: for each matrix P `[rows, rank]` and Q `[columns, rank]`, then the
 * rest of the vector; f32.
 */
export class PowerSgd {
  readonly #parts: Parts;
  /** The last Q of each matrix, `[columns, rank]`. */
  readonly #warm: readonly Float32Array[];

  constructor(layout: VectorLayout, rank: number) {
    this.#parts = partsOf(layout, rank);
    this.#warm = this.#parts.matrices.map(({ columns, rank: r }, i) => {
      const q = new Float32Array(columns * r);
      // Any start will do; the same everywhere, so that a run can be repeated.
      new RandomStream(deriveKey(0, 'noise'), i).fillNormal(q, 0, 1);
      return q;
    });
  }

  encode(vector: Float32Array): Uint8Array {
    const { matrices, plain, floats } = this.#parts;
    const message = new Float32Array(floats);
    let at = 0;
    matrices.forEach((matrix, i) => {
      const { rows, columns, rank } = matrix;
      const m = vector.subarray(matrix.offset, matrix.offset + rows * columns);
      const p = message.subarray(at, at + rows * rank);
      const q = message.subarray(at + rows * rank, at + rank * (rows + columns));
      multiply(m, this.#warm[i] as Float32Array, p, matrix);
      orthonormalise(p, rows, rank);
      multiplyTransposed(m, p, q, matrix);
      (this.#warm[i] as Float32Array).set(q);
      at += rank * (rows + columns);
    });
    for (const { from, to } of plain) {
      message.set(vector.subarray(from, to), at);
      at += to - from;
    }
    return new Uint8Array(message.buffer);
  }
}

/** @throws FormatError where the message is not of this layout */
export function decodePowerSgd(bytes: Uint8Array, layout: VectorLayout, rank: number): Float32Array {
  const { matrices, plain, floats } = partsOf(layout, rank);
  if (bytes.length !== floats * 4)
    throw new FormatError(
      `A PowerSGD message of ${bytes.length} bytes does not fit a layout that takes ${floats * 4}.`,
    );
  const message = new Float32Array(bytes.slice().buffer);
  const vector = new Float32Array(layout.length);
  let at = 0;
  for (const matrix of matrices) {
    const { rows, columns, rank: r } = matrix;
    const p = message.subarray(at, at + rows * r);
    const q = message.subarray(at + rows * r, at + r * (rows + columns));
    outerProduct(p, q, vector.subarray(matrix.offset, matrix.offset + rows * columns), matrix);
    at += r * (rows + columns);
  }
  for (const { from, to } of plain) {
    vector.set(message.subarray(at, at + to - from), from);
    at += to - from;
  }
  return vector;
}

/** p = m q */
function multiply(m: Float32Array, q: Float32Array, p: Float32Array, { rows, columns, rank }: Matrix): void {
  for (let i = 0; i < rows; i++) {
    for (let r = 0; r < rank; r++) {
      let sum = 0;
      for (let j = 0; j < columns; j++) sum += (m[i * columns + j] as number) * (q[j * rank + r] as number);
      p[i * rank + r] = sum;
    }
  }
}

/** q = m^T p */
function multiplyTransposed(m: Float32Array, p: Float32Array, q: Float32Array, { rows, columns, rank }: Matrix): void {
  q.fill(0);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const value = m[i * columns + j] as number;
      for (let r = 0; r < rank; r++)
        q[j * rank + r] = (q[j * rank + r] as number) + value * (p[i * rank + r] as number);
    }
  }
}

/** m = p q^T */
function outerProduct(p: Float32Array, q: Float32Array, m: Float32Array, { rows, columns, rank }: Matrix): void {
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      let sum = 0;
      for (let r = 0; r < rank; r++) sum += (p[i * rank + r] as number) * (q[j * rank + r] as number);
      m[i * columns + j] = sum;
    }
  }
}

/** Gram-Schmidt, column after column; a column that depends on earlier ones becomes zero. */
function orthonormalise(p: Float32Array, rows: number, rank: number): void {
  const squaresOf = (r: number): number => {
    let squares = 0;
    for (let i = 0; i < rows; i++) squares += (p[i * rank + r] as number) ** 2;
    return squares;
  };
  for (let r = 0; r < rank; r++) {
    const before = squaresOf(r);
    for (let earlier = 0; earlier < r; earlier++) {
      let dot = 0;
      for (let i = 0; i < rows; i++) dot += (p[i * rank + r] as number) * (p[i * rank + earlier] as number);
      for (let i = 0; i < rows; i++)
        p[i * rank + r] = (p[i * rank + r] as number) - dot * (p[i * rank + earlier] as number);
    }
    const squares = squaresOf(r);
    // What rounding to f32 (2^-24 of each element) leaves of a dependent column is no direction.
    const scale = squares > before * 1e-10 ? 1 / Math.sqrt(squares) : 0;
    for (let i = 0; i < rows; i++) p[i * rank + r] = (p[i * rank + r] as number) * scale;
  }
}
