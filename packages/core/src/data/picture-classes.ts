/** Whether the point (u, v) of the object's own plane has its colour; shapes lie within the unit disc, textures have no end. */
export type Picture = (u: number, v: number) => boolean;

const even = (cell: number): boolean => cell % 2 === 0;

/** The classes of `data.images32` in the order of their labels: seven shapes and three textures. */
export const pictureClasses: Readonly<Record<string, Picture>> = {
  disc: (u, v) => u * u + v * v < 0.75,
  ring: (u, v) => u * u + v * v < 1 && u * u + v * v > 0.36,
  square: (u, v) => Math.max(Math.abs(u), Math.abs(v)) < 0.75,
  triangle: (u, v) => v < 0.6 && v > -1 + 1.85 * Math.abs(u),
  cross: (u, v) => Math.min(Math.abs(u), Math.abs(v)) < 0.28 && Math.max(Math.abs(u), Math.abs(v)) < 0.95,
  star: (u, v) => Math.sqrt(Math.abs(u)) + Math.sqrt(Math.abs(v)) < 1.05,
  crescent: (u, v) => u * u + v * v < 1 && (u - 0.5) * (u - 0.5) + v * v > 0.6,
  stripes: (u) => even(Math.floor(2.6 * u)),
  checks: (u, v) => even(Math.floor(1.9 * u) + Math.floor(1.9 * v)),
  dots: (u, v) => {
    const [du, dv] = [1.5 * u - Math.floor(1.5 * u) - 0.5, 1.5 * v - Math.floor(1.5 * v) - 0.5];
    return du * du + dv * dv < 0.1;
  },
};
