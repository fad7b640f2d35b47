/**
 * What is decided once per step, the same in every thread: from the summed loss, its weight and the norms of the gradient's blocks
 * to the scale of the update. In WebAssembly, so that the step loop makes no garbage.
 *
 * Record (bytes): 0 f64 gradient norm of the mean loss; 8 f32 scale; 12 i32 status (0 update, 1 not finite, 2 total weight 0).
 */
export function decide(a: usize): void {
  const record = load<usize>(a);
  const loss = load<usize>(a, 4);
  const blocks = load<usize>(a, 8);
  const count = load<i32>(a, 12);
  const clip = load<f32>(a, 16);
  const weight = <f64>load<f32>(loss, 4);
  const squares = treeSum(blocks, 0, count);
  const norm = Math.sqrt(squares) / weight;
  let status = 0;
  if (!isFinite(squares) || !isFinite(load<f32>(loss)) || !isFinite(weight)) status = 1;
  else if (weight == 0) status = 2;
  // torch.nn.utils.clip_grad_norm_; 0 means no clipping
  const factor = clip > 0 ? min(1.0, <f64>clip / (norm + 1e-6)) : 1.0;
  store<f64>(record, status == 0 ? norm : 0);
  store<f32>(record, <f32>(factor / weight), 8);
  store<i32>(record, status, 12);
}

/** The sum of doubles by the canonical tree. */
export function treeSumDoubles(a: usize): void {
  store<f64>(load<usize>(a), treeSum(load<usize>(a, 4), 0, load<i32>(a, 8)));
}

/** The canonical tree over block numbers: splits at the largest power of two below the length. */
function treeSum(x: usize, lo: i32, hi: i32): f64 {
  if (hi - lo == 1) return load<f64>(x + (<usize>lo << 3));
  let half = 1;
  while (half * 2 < hi - lo) half *= 2;
  return treeSum(x, lo, lo + half) + treeSum(x, lo + half, hi);
}
