const twoPi = 6.283185307179586;

// The constants of `log`, `sin` and `cos` in math/.
const ln2High = 0.6931471803691238;
const ln2Low = 1.9082149292705877e-10;
const halfPi1 = 1.5707963267341256;
const halfPi2 = 6.077100506303966e-11;
const halfPi3 = 2.0222662487959506e-21;
const twoOverPi = 0.6366197723675814;

/** 2^-e for e = 0 .. 24 */
const inversePower = Float64Array.from({ length: 25 }, (_, e) => 2 ** -e);

/**
 * Two independent normal numbers from two random words: `radius * cos(angle)` and `radius * sin(angle)`, where radius is
 * sqrt(-2 log u) with u in (0, 1], as log 0 is none.
 *
 * It has the bits of the functions of math/, operation by operation, and is all in one piece: the weights of a model are millions of these, and
 * V8 does not inline that many calls and puts the number that each returns on the heap.
 */
export function normalPair(word0: number, word1: number, pair: Float64Array): void {
  // log of k 2^-24
  const k = (word0 >>> 8) + 1;
  let exponent = 31 - Math.clz32(k);
  let m = k * (inversePower[exponent] as number);
  exponent -= 24;
  if (m >= Math.SQRT2) {
    m *= 0.5;
    exponent++;
  }
  const s = (m - 1) / (m + 1);
  const s2 = s * s;
  let series = (1 / 25) * s2;
  series = (series + 1 / 23) * s2;
  series = (series + 1 / 21) * s2;
  series = (series + 1 / 19) * s2;
  series = (series + 1 / 17) * s2;
  series = (series + 1 / 15) * s2;
  series = (series + 1 / 13) * s2;
  series = (series + 1 / 11) * s2;
  series = (series + 1 / 9) * s2;
  series = (series + 1 / 7) * s2;
  series = (series + 1 / 5) * s2;
  series = (series + 1 / 3) * s2;
  const log = exponent * ln2High + (2 * s + (2 * s * series + exponent * ln2Low));
  const radius = Math.sqrt(-2 * log);

  const angle = twoPi * ((word1 >>> 8) * 2 ** -24);
  const n = Math.floor(angle * twoOverPi + 0.5);
  const r = angle - n * halfPi1 - n * halfPi2 - n * halfPi3;
  const r2 = r * r;
  let sine = r2 / 272;
  sine = (1 - sine) * (r2 / 210);
  sine = (1 - sine) * (r2 / 156);
  sine = (1 - sine) * (r2 / 110);
  sine = (1 - sine) * (r2 / 72);
  sine = (1 - sine) * (r2 / 42);
  sine = (1 - sine) * (r2 / 20);
  sine = (1 - sine) * (r2 / 6);
  sine = r * (1 - sine);
  let cosine = r2 / 306;
  cosine = (1 - cosine) * (r2 / 240);
  cosine = (1 - cosine) * (r2 / 182);
  cosine = (1 - cosine) * (r2 / 132);
  cosine = (1 - cosine) * (r2 / 90);
  cosine = (1 - cosine) * (r2 / 56);
  cosine = (1 - cosine) * (r2 / 30);
  cosine = (1 - cosine) * (r2 / 12);
  cosine = (1 - cosine) * (r2 / 2);
  cosine = 1 - cosine;

  // Quadrants: (cos, sin) of r + n pi/2.
  if ((n & 1) === 1) {
    const swapped = cosine;
    cosine = -sine;
    sine = swapped;
  }
  if ((n & 2) === 2) {
    cosine = -cosine;
    sine = -sine;
  }
  pair[0] = radius * cosine;
  pair[1] = radius * sine;
}
