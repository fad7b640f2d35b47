import { indexError } from './context';

/** Notes a length that is not within 1 and `steps`. */
export function checkLengths(a: usize): void {
  const lengths = load<usize>(a);
  const rows = load<i32>(a, 4);
  const steps = load<i32>(a, 8);
  for (let i = 0; i < rows; i++) {
    const length = load<i32>(lengths + (<usize>i << 2));
    if (length < 1 || length > steps) indexError(load<usize>(a, 12), load<i32>(a, 16), i, length);
  }
}

/** out[b] = state[b, last valid step]: `column` floats into a step of `width` floats. */
export function stateAtEnd(a: usize): void {
  const out = load<usize>(a);
  const state = load<usize>(a, 4);
  const lengths = load<usize>(a, 8);
  const rows = load<i32>(a, 12);
  const steps = load<i32>(a, 16);
  const width = load<usize>(a, 20) << 2;
  const column = load<usize>(a, 24) << 2;
  const hidden = load<usize>(a, 28) << 2;
  for (let i = 0; i < rows; i++) {
    const last = max(1, min(steps, load<i32>(lengths + (<usize>i << 2)))) - 1;
    memory.copy(out + <usize>i * hidden, state + <usize>(i * steps + last) * width + column, hidden);
  }
}

/** out[b, t] = the hidden state that step t began with: the step before in reading order, or `h0` (0: zeros) where t is the first one. */
export function statesBefore(a: usize): void {
  let out = load<usize>(a);
  const state = load<usize>(a, 4);
  const h0 = load<usize>(a, 8);
  const lengths = load<usize>(a, 12);
  const rows = load<i32>(a, 16);
  const steps = load<i32>(a, 20);
  const width = load<usize>(a, 24) << 2;
  const hidden = load<usize>(a, 28) << 2;
  const reverse = load<i32>(a, 32) != 0;
  for (let i = 0; i < rows; i++) {
    const length = lengths == 0 ? steps : min(steps, load<i32>(lengths + (<usize>i << 2)));
    const first = reverse ? length - 1 : 0;
    for (let t = 0; t < steps; t++) {
      if (t >= length || (t == first && h0 == 0)) memory.fill(out, 0, hidden);
      else if (t == first) memory.copy(out, h0 + <usize>i * hidden, hidden);
      else memory.copy(out, state + <usize>(i * steps + (reverse ? t + 1 : t - 1)) * width, hidden);
      out += hidden;
    }
  }
}
