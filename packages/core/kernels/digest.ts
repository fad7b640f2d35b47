/**
 * A 128-bit hash of each 16 KiB block: four vector accumulators in the manner of xxHash32's rounds (Collet), then an avalanche across
 * lanes. Not cryptographic; it tells whether two runs hold the same bits.
 */
const primes: usize = memory.data<u32>([0x9e3779b1, 0x85ebca77, 0xc2b2ae3d], 16);
const blockBytes: i32 = 16384;

// @ts-ignore: decorator
@inline
function prime(i: usize): v128 {
  return v128.load32_splat(primes + (i << 2));
}

// @ts-ignore: decorator
@inline
function rotate(v: v128, by: i32): v128 {
  return v128.or(i32x4.shl(v, by), i32x4.shr_u(v, 32 - by));
}

// @ts-ignore: decorator
@inline
function round(accumulator: v128, x: v128): v128 {
  const fed = i32x4.add(accumulator, i32x4.mul(x, prime(1)));
  return i32x4.mul(rotate(fed, 13), prime(0));
}

// @ts-ignore: decorator
@inline
function avalanche(v: v128): v128 {
  let h = v128.xor(v, i32x4.shr_u(v, 15));
  h = i32x4.mul(h, prime(1));
  h = v128.xor(h, i32x4.shr_u(h, 13));
  h = i32x4.mul(h, prime(2));
  return v128.xor(h, i32x4.shr_u(h, 16));
}

export function hashBlocks(a: usize): void {
  let out = load<usize>(a);
  let x = load<usize>(a, 4);
  for (let left = load<i32>(a, 8); left > 0; left -= blockBytes) {
    v128.store(out, hashBlock(x, min(left, blockBytes)));
    out += 16;
    x += blockBytes;
  }
}

function hashBlock(x: usize, bytes: i32): v128 {
  let s0 = i32x4(0x1b873593, 0x52dce729, 0x38495ab5, 0x7b7d159c);
  let s1 = i32x4(0x2127599b, 0x6c8e9cf5, 0x14020a57, 0x5bd1e995);
  let s2 = i32x4(0x41c64e6d, 0x3c6ef372, 0x1f83d9ab, 0x5be0cd19);
  let s3 = i32x4(0x510e527f, 0x2545f491, 0x27d4eb2f, 0x165667b1);
  let i = 0;
  for (; i + 64 <= bytes; i += 64) {
    const p = x + <usize>i;
    s0 = round(s0, v128.load(p));
    s1 = round(s1, v128.load(p, 16));
    s2 = round(s2, v128.load(p, 32));
    s3 = round(s3, v128.load(p, 48));
  }
  // the rest word by word, each in a lane of its own round
  for (; i < bytes; i += 4) {
    let word = load<i32>(x + <usize>i);
    if (bytes - i < 4) word &= (1 << ((bytes - i) << 3)) - 1; // what lies behind the end does not count
    s0 = rotate(round(v128.shuffle<i32>(s0, s0, 1, 2, 3, 0), i32x4.splat(word)), 7);
  }
  let h = i32x4.add(i32x4.add(rotate(s0, 1), rotate(s1, 7)), i32x4.add(rotate(s2, 12), rotate(s3, 18)));
  h = i32x4.add(h, i32x4.splat(bytes));
  for (let k = 0; k < 3; k++) {
    h = avalanche(h);
    // 4 h plus its neighbour: determinant 4^4 - 1, odd, so no two states meet
    h = i32x4.add(i32x4.shl(h, 2), v128.shuffle<i32>(h, h, 1, 2, 3, 0));
  }
  return avalanche(h);
}
