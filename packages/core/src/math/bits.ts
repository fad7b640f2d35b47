const f64 = new Float64Array(1);
const u32 = new Uint32Array(f64.buffer);
/** Index of the high word: the platforms of Lockstep are little-endian. */
const high = 1;

/** 2^n for -1022 <= n <= 1023, exact. */
export function powerOfTwo(n: number): number {
  u32[0] = 0;
  u32[high] = (n + 1023) << 20;
  return f64[0] as number;
}

/** x * 2^n with one rounding at most, over the whole range of doubles. */
export function scaleByPower(x: number, n: number): number {
  if (n > 1023) return n > 2100 ? x * Number.POSITIVE_INFINITY : x * powerOfTwo(1023) * powerOfTwo(Math.min(1023, n - 1023));
  if (n < -1022) return n < -2200 ? x * 0 : x * powerOfTwo(-1022) * powerOfTwo(Math.max(-1022, n + 1022));
  return x * powerOfTwo(n);
}

/** x = mantissa * 2^exponent with mantissa in [sqrt(1/2), sqrt(2)), for finite x > 0. */
export function splitExponent(x: number): [mantissa: number, exponent: number] {
  let shift = 0;
  let value = x;
  if (value < 2.2250738585072014e-308) {
    value *= 2 ** 54;
    shift = -54;
  }
  f64[0] = value;
  let exponent = ((u32[high] as number) >>> 20) - 1023;
  u32[high] = ((u32[high] as number) & 0xfffff) | (1023 << 20);
  let mantissa = f64[0] as number;
  if (mantissa >= Math.SQRT2) {
    mantissa *= 0.5;
    exponent++;
  }
  return [mantissa, exponent + shift];
}
