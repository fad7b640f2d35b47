/** Typed arrays that hold the dtypes of a safetensors file; half floats stay raw 16-bit words. */
const arrays = {
  F64: Float64Array,
  F32: Float32Array,
  F16: Uint16Array,
  BF16: Uint16Array,
  I64: BigInt64Array,
  I32: Int32Array,
  I16: Int16Array,
  I8: Int8Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
} as const;

export type TensorDType = keyof typeof arrays;
export type TensorArray = InstanceType<(typeof arrays)[TensorDType]>;

export const isTensorDType = (name: unknown): name is TensorDType =>
  typeof name === 'string' && Object.hasOwn(arrays, name);

export const tensorDTypes = Object.keys(arrays) as readonly TensorDType[];

export const arrayOf = (dtype: TensorDType): (typeof arrays)[TensorDType] => arrays[dtype];

export const bytesPerElement = (dtype: TensorDType): number => arrays[dtype].BYTES_PER_ELEMENT;

/** Number of elements of a shape, or undefined where it is no list of whole numbers or the product leaves the safe integers. */
export function elementCount(shape: unknown): number | undefined {
  if (!Array.isArray(shape)) return undefined;
  let count = 1;
  for (const size of shape as unknown[]) {
    if (!Number.isSafeInteger(size) || (size as number) < 0) return undefined;
    count *= size as number;
    // Also where a later 0 would make the product small again: other readers overflow there.
    if (!Number.isSafeInteger(count)) return undefined;
  }
  return count;
}
