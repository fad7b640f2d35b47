import type { ModelDescription } from '../checkpoint/encode.ts';

/** The prediction thread is given a model once, and then requests. */
export interface PredictData {
  readonly model: ModelDescription;
  readonly parameters: Float32Array;
  readonly kernels: WebAssembly.Module;
}

export type FieldValues = Float32Array | Int32Array | Uint8Array;

/** "Please compute these rows": one array per field that the model reads. */
export interface PredictRequest {
  readonly id: number;
  readonly rows: number;
  /** Of the noise that the model draws. */
  readonly seed: number;
  readonly inputs: Readonly<Record<string, FieldValues>>;
}

/** "Here they are", or why not. */
export type PredictAnswer =
  | { readonly id: number; readonly outputs: Readonly<Record<string, Prediction>> }
  | { readonly id: number; readonly error: string };

/** Values in row-major order; i32 outputs (argmax) come as Int32Array. */
export interface Prediction {
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array;
}
