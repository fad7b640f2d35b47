/**
 * The convolution of the running instruction: `[groups * channels, height, width]` to `[groups * filters, outHeight, outWidth]`. All three
 * kernels (forward and both gradients) are given the sizes of the forward one, as 16 words.
 */
export let samples: i32 = 0;
export let groups: i32 = 0;
/** Of one group. */
export let channels: i32 = 0;
/** Of one group. */
export let filters: i32 = 0;
export let height: i32 = 0;
export let width: i32 = 0;
export let kernelHeight: i32 = 0;
export let kernelWidth: i32 = 0;
export let outHeight: i32 = 0;
export let outWidth: i32 = 0;
export let strideY: i32 = 0;
export let strideX: i32 = 0;
/** Zeros above and to the left of the image; those below and to the right follow from the other sizes. */
export let top: i32 = 0;
export let left: i32 = 0;
export let dilationY: i32 = 0;
export let dilationX: i32 = 0;

export function readGeometry(a: usize): void {
  samples = load<i32>(a);
  groups = load<i32>(a, 4);
  channels = load<i32>(a, 8);
  filters = load<i32>(a, 12);
  height = load<i32>(a, 16);
  width = load<i32>(a, 20);
  kernelHeight = load<i32>(a, 24);
  kernelWidth = load<i32>(a, 28);
  outHeight = load<i32>(a, 32);
  outWidth = load<i32>(a, 36);
  strideY = load<i32>(a, 40);
  strideX = load<i32>(a, 44);
  top = load<i32>(a, 48);
  left = load<i32>(a, 52);
  dilationY = load<i32>(a, 56);
  dilationX = load<i32>(a, 60);
}

/** Rows and columns of the image, padding included, that the kernel reaches. */
export function reachedRows(): i32 {
  return (outHeight - 1) * strideY + (kernelHeight - 1) * dilationY + 1;
}

export function reachedColumns(): i32 {
  return (outWidth - 1) * strideX + (kernelWidth - 1) * dilationX + 1;
}
