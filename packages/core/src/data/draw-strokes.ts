/** How a pen draws: radius and softness of its edge in pixels. */
export interface Pen {
  readonly radius: number;
  /** Width of the ramp from full ink to none: 1 is plain anti-aliasing, more is blur. */
  readonly softness: number;
}

/**
 * Lays a line of ink from (x0, y0) to (x1, y1), in pixels, over a square image `[size, size]` of 0..1: ink does not add up where lines
 * cross, so a stroke of many lines has no knots.
 */
export function drawLine(
  image: Float64Array,
  size: number,
  [x0, y0, x1, y1]: readonly [number, number, number, number],
  { radius, softness }: Pen,
): void {
  const reach = radius + softness / 2;
  const [dx, dy] = [x1 - x0, y1 - y0];
  const lengthSquared = dx * dx + dy * dy;
  const overLength = lengthSquared > 0 ? 1 / lengthSquared : 0;
  const left = Math.max(0, Math.ceil(Math.min(x0, x1) - reach));
  const right = Math.min(size - 1, Math.floor(Math.max(x0, x1) + reach));
  const top = Math.max(0, Math.ceil(Math.min(y0, y1) - reach));
  const bottom = Math.min(size - 1, Math.floor(Math.max(y0, y1) + reach));
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) {
      const along = Math.min(1, Math.max(0, ((x - x0) * dx + (y - y0) * dy) * overLength));
      const [ex, ey] = [x - x0 - along * dx, y - y0 - along * dy];
      const squared = ex * ex + ey * ey;
      if (squared >= reach * reach) continue;
      const ink = Math.min(1, (reach - Math.sqrt(squared)) / softness);
      const at = y * size + x;
      if (ink > (image[at] as number)) image[at] = ink;
    }
  }
}
