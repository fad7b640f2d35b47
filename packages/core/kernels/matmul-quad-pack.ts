import { loadSome } from './lanes';

/**
 * Packs `lanes` rows of A or columns of B, which lie side by side, `width` (4 or 16) to a panel; positions are `step` bytes apart in `src`.
 * A quad of a panel lies in one piece; from quad to quad it is `quadStep` bytes, from panel to panel `panelStep`. A place of a quad without a
 * position is zeros.
 */
export function packQuads(
  dst: usize, quadStep: usize, panelStep: usize, src: usize, step: usize, lanes: i32, width: i32, seg: usize, nseg: i32, longest: i32,
): void {
  const shared = longest == 1 ? 4 : longest == 2 ? 2 : 1; // segments in a quad
  const places = 4 / shared;
  for (let s = 0; s < nseg; s += shared) {
    for (let i = 0; i < shared; i++) {
      const one = s + i;
      const at = one < nseg ? load<i32>(seg + (<usize>one << 2)) : 0;
      const count = one < nseg ? load<i32>(seg + (<usize>one << 2), 4) - at : 0;
      packPlaces(dst, panelStep, src + <usize>at * step, step, lanes, width, i * places, places, count);
    }
    dst += quadStep;
  }
}

/** Fills some places of a quad, of which the first `count` have a position. */
function packPlaces(
  dst: usize, panelStep: usize, src: usize, step: usize, lanes: i32, width: i32, first: i32, places: i32, count: i32,
): void {
  const zero = f32x4.splat(0);
  const whole = lanes - (lanes % width);
  dst += <usize>(first * width) << 2;
  for (let t = 0; t < places; t++) {
    let d = dst + (<usize>(t * width) << 2);
    let p = src + <usize>t * step;
    let lane = 0;
    if (t < count) {
      for (; lane < whole; lane += width) {
        v128.store(d, v128.load(p));
        if (width == 16) {
          v128.store(d, v128.load(p, 16), 16);
          v128.store(d, v128.load(p, 32), 32);
          v128.store(d, v128.load(p, 48), 48);
        }
        d += panelStep;
        p += <usize>width << 2;
      }
    }
    for (; lane < lanes; lane += width) {
      for (let i = 0; i < width; i += 4) {
        const rest = lanes - lane - i;
        v128.store(d + (<usize>i << 2), t < count && rest > 0 ? loadSome(p + (<usize>i << 2), min(4, rest)) : zero);
      }
      d += panelStep;
      p += <usize>width << 2;
    }
  }
}
