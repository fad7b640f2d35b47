// Images [samples, channels, height, width] under an affine map of their pixels: output pixel (x, y) is taken at
// (m0 x + m1 y + m2, m3 x + m4 y + m5) of the input, between its four neighbours; beyond the edge there is 0.

/** Where the current output pixel falls: byte offsets of its four neighbours in a channel, and their shares. */
let nw: usize = 0;
let ne: usize = 0;
let sw: usize = 0;
let se: usize = 0;
let left: f32 = 0;
let right: f32 = 0;
let above: f32 = 0;
let below: f32 = 0;

/** False where no neighbour lies in the image. A whole place gets share 1 of its pixel and 0 of the next, so it is copied exactly. */
// @ts-ignore: decorator
@inline
function locate(m: usize, x: i32, y: i32, width: i32, height: i32): bool {
  const sx = load<f32>(m) * <f32>x + load<f32>(m, 4) * <f32>y + load<f32>(m, 8);
  const sy = load<f32>(m, 12) * <f32>x + load<f32>(m, 16) * <f32>y + load<f32>(m, 20);
  // NaN fails as well, and what passes fits into an i32
  if (!(sx > -1 && sx < <f32>width && sy > -1 && sy < <f32>height)) return false;
  const floorX = Mathf.floor(sx);
  const floorY = Mathf.floor(sy);
  const x0 = <i32>floorX;
  const y0 = <i32>floorY;
  right = x0 + 1 < width ? sx - floorX : 0;
  left = x0 >= 0 ? <f32>1 - (sx - floorX) : 0;
  below = y0 + 1 < height ? sy - floorY : 0;
  above = y0 >= 0 ? <f32>1 - (sy - floorY) : 0;
  const west = max(x0, 0);
  const east = min(x0 + 1, width - 1);
  const north = max(y0, 0) * width;
  const south = min(y0 + 1, height - 1) * width;
  nw = <usize>(north + west) << 2;
  ne = <usize>(north + east) << 2;
  sw = <usize>(south + west) << 2;
  se = <usize>(south + east) << 2;
  return true;
}

export function affineWarp(a: usize): void {
  let out = load<usize>(a);
  let image = load<usize>(a, 4);
  let matrix = load<usize>(a, 8);
  const samples = load<i32>(a, 12);
  const channels = load<i32>(a, 16);
  const height = load<i32>(a, 20);
  const width = load<i32>(a, 24);
  const outHeight = load<i32>(a, 28);
  const outWidth = load<i32>(a, 32);
  const channelBytes = <usize>(height * width) << 2;
  const outChannelBytes = <usize>(outHeight * outWidth) << 2;
  for (let i = 0; i < samples; i++) {
    let pixel = out;
    for (let y = 0; y < outHeight; y++) {
      for (let x = 0; x < outWidth; x++) {
        const inside = locate(matrix, x, y, width, height);
        let p = image;
        let q = pixel;
        for (let c = 0; c < channels; c++) {
          let value: f32 = 0;
          if (inside) {
            const north = left * load<f32>(p + nw) + right * load<f32>(p + ne);
            const south = left * load<f32>(p + sw) + right * load<f32>(p + se);
            value = above * north + below * south;
          }
          store<f32>(q, value);
          p += channelBytes;
          q += outChannelBytes;
        }
        pixel += 4;
      }
    }
    out += outChannelBytes * <usize>channels;
    image += channelBytes * <usize>channels;
    matrix += 24;
  }
}

/** The transposed map: what reached an output pixel goes back to its four neighbours, ascending. */
export function affineWarpGrad(a: usize): void {
  let out = load<usize>(a);
  let matrix = load<usize>(a, 4);
  let g = load<usize>(a, 8);
  const samples = load<i32>(a, 12);
  const channels = load<i32>(a, 16);
  const height = load<i32>(a, 20);
  const width = load<i32>(a, 24);
  const outHeight = load<i32>(a, 28);
  const outWidth = load<i32>(a, 32);
  const channelBytes = <usize>(height * width) << 2;
  const outChannelBytes = <usize>(outHeight * outWidth) << 2;
  memory.fill(out, 0, channelBytes * <usize>channels * <usize>samples);
  for (let i = 0; i < samples; i++) {
    let pixel = g;
    for (let y = 0; y < outHeight; y++) {
      for (let x = 0; x < outWidth; x++) {
        if (locate(matrix, x, y, width, height)) {
          let p = out;
          let q = pixel;
          for (let c = 0; c < channels; c++) {
            const value = load<f32>(q);
            addTo(p + nw, value * above * left);
            addTo(p + ne, value * above * right);
            addTo(p + sw, value * below * left);
            addTo(p + se, value * below * right);
            p += channelBytes;
            q += outChannelBytes;
          }
        }
        pixel += 4;
      }
    }
    g += outChannelBytes * <usize>channels;
    out += channelBytes * <usize>channels;
    matrix += 24;
  }
}

// @ts-ignore: decorator
@inline
function addTo(p: usize, value: f32): void {
  store<f32>(p, load<f32>(p) + value);
}
