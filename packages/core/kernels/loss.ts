import { indexError, lanesAt } from './context';
import { loadSome, rowMax, storeSome } from './lanes';
import { expRow, sumOfExp } from './softmax';
import { log4 } from './vector-math';

export function crossEntropy(a: usize): void {
  const out = load<usize>(a);
  const logits = load<usize>(a, 4);
  const labels = load<usize>(a, 8);
  const rows = load<i32>(a, 12);
  const columns = load<i32>(a, 16);
  const ignored = load<i32>(a, 20);
  for (let i = 0; i < rows; i++) {
    const label = load<i32>(labels + (<usize>i << 2));
    const row = logits + (<usize>i * <usize>columns << 2);
    let value: f32 = 0;
    if (label != ignored) {
      if (<u32>label < <u32>columns) {
        const top = rowMax(row, columns);
        const sum = f32x4.extract_lane(log4(f32x4.splat(sumOfExp(row, columns, top, load<usize>(a, 24) + lanesAt))), 0);
        value = sum + (top - load<f32>(row + (<usize>label << 2)));
      } else {
        indexError(load<usize>(a, 24), load<i32>(a, 28), i, label);
      }
    }
    store<f32>(out + (<usize>i << 2), value);
  }
}

export function crossEntropyGrad(a: usize): void {
  const out = load<usize>(a);
  const logits = load<usize>(a, 4);
  const labels = load<usize>(a, 8);
  const g = load<usize>(a, 12);
  const rows = load<i32>(a, 16);
  const columns = load<i32>(a, 20);
  const ignored = load<i32>(a, 24);
  for (let i = 0; i < rows; i++) {
    const label = load<i32>(labels + (<usize>i << 2));
    const at = <usize>i * <usize>columns << 2;
    if (label == ignored || <u32>label >= <u32>columns) {
      memory.fill(out + at, 0, <usize>columns << 2);
      continue;
    }
    const gradient = load<f32>(g + (<usize>i << 2));
    const top = rowMax(logits + at, columns);
    const sum = expRow(out + at, logits + at, columns, top, 1);
    share(out + at, columns, sum, gradient);
    const q = out + at + (<usize>label << 2);
    store<f32>(q, load<f32>(q) - gradient);
  }
}

/** out = out / sum * g */
function share(out: usize, n: i32, sum: f32, g: f32): void {
  const s = f32x4.splat(sum);
  const k = f32x4.splat(g);
  for (; n >= 8; n -= 8) {
    const x0 = v128.load(out);
    const x1 = v128.load(out, 16);
    const y0 = f32x4.mul(f32x4.div(x0, s), k);
    const y1 = f32x4.mul(f32x4.div(x1, s), k);
    v128.store(out, y0);
    v128.store(out, y1, 16);
    out += 32;
  }
  for (; n > 0; n -= 4) {
    const left = min(n, 4);
    storeSome(out, f32x4.mul(f32x4.div(loadSome(out, left), s), k), left);
    out += 16;
  }
}
