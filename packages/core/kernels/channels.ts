import { rowSum } from './lanes';
import { joinSegments, place } from './tree';

/** out[c] = sum over samples and positions of x [samples, channels, positions], the segments apart and joined by the tree. */
export function channelSum(a: usize): void {
  const out = load<usize>(a);
  const x = load<usize>(a, 4);
  const seg = load<usize>(a, 8);
  const count = load<i32>(a, 12);
  const channels = load<i32>(a, 16);
  const positions = load<i32>(a, 20);
  const scratch = load<usize>(a, 24);
  const plane = <usize>positions << 2;
  let depth = 0;
  for (let s = 0; s < count; s++) {
    const entry = seg + (<usize>s << 2);
    const into = place(out, scratch, channels, depth);
    for (let c = 0; c < channels; c++) {
      let sum: f32 = 0;
      for (let n = load<i32>(entry); n < load<i32>(entry, 4); n++) sum += rowSum(x + <usize>(n * channels + c) * plane, positions);
      store<f32>(into + (<usize>c << 2), sum);
    }
    depth = joinSegments(out, scratch, channels, depth, s, s + 1 == count);
  }
}
