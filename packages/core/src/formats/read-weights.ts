import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { FormatError, UsageError } from '../errors.ts';
import { decodeSafetensors, type StoredTensor, valuesOf } from './safetensors-decode.ts';

const weightsFile = 'model.safetensors';

/**
 * Tensors by name from a .safetensors file, or the folder of a checkpoint. Half floats and doubles become f32.
 *
 * @throws UsageError where nothing can be read, FormatError where it is no such file; both name it
 */
export function readWeights(
  path: string,
): Record<string, { readonly shape: readonly number[]; readonly data: Float32Array }> {
  let file = path;
  let bytes: Uint8Array;
  try {
    if (statSync(path).isDirectory()) file = join(path, weightsFile);
    bytes = readFileSync(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UsageError(
      `The weights ${file} cannot be read (${code}): name a .safetensors file or the folder of a checkpoint.`,
    );
  }
  const { tensors } = decodeSafetensors(bytes, file);
  return Object.fromEntries(
    [...tensors].map(([name, tensor]) => [
      name,
      { shape: tensor.shape, data: toFloats(tensor, `${file}: tensor "${name}"`) },
    ]),
  );
}

function toFloats(tensor: StoredTensor, what: string): Float32Array {
  const values = valuesOf(tensor);
  switch (tensor.dtype) {
    case 'F32':
      return values as Float32Array;
    case 'F64':
      return Float32Array.from(values as Float64Array);
    case 'BF16':
      return new Float32Array(Uint32Array.from(values as Uint16Array, (word) => word << 16).buffer);
    case 'F16':
      return Float32Array.from(values as Uint16Array, halfToNumber);
    default:
      throw new FormatError(`${what} is ${tensor.dtype}; weights are floats.`);
  }
}

/** IEEE 754 binary16. */
function halfToNumber(word: number): number {
  const sign = word & 0x8000 ? -1 : 1;
  const exponent = (word >>> 10) & 31;
  const fraction = word & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}
