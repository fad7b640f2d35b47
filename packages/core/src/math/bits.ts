const f64 = new Float64Array(1);
const u32 = new Uint32Array(f64.buffer);
/** Index of the high word: the platforms of Lockstep are little-endian. */
const high = 1;

/** 2^n for -1022 <= n <= 1023, exact. */
function powerOfTwo(n: number): number {
  u32[0] = 0;
  u32[high] = (n + 1023) << 20;
  return f64[0] as number;
}

/** x * 2^n for x in [1/4, 4] and |n| <= 1100, rounded once: where the result is subnormal, x must not be rounded before. */
export function scaleByPower(x: number, n: number): number {
  if (n > 1000) return x * powerOfTwo(1000) * powerOfTwo(n - 1000);
  if (n < -1000) return x * powerOfTwo(n + 1000) * powerOfTwo(-1000);
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
