/** Rounds in place to bfloat16, the upper half of an f32: to nearest, ties to even; NaN stays NaN. As the kernel `roundBf16` does. */
export function roundBf16(values: Float32Array): Float32Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as number;
    const nan = (word & 0x7fffffff) > 0x7f800000;
    words[i] = (nan ? word | 0x400000 : word + 0x7fff + ((word >>> 16) & 1)) & 0xffff0000;
  }
  return values;
}
