/** Where one parameter lies in the flat vector: offset and size in f32 elements. */
export interface LayoutEntry {
  readonly name: string;
  readonly shape: readonly number[];
  readonly offset: number;
  readonly size: number;
}

/** All parameters as one flat f32 vector. Entries start at multiples of 16 elements (64 bytes); the gaps stay zero. */
export interface ParameterLayout {
  readonly entries: readonly LayoutEntry[];
  /** Length of the flat vector in elements, gaps included; a multiple of 16. */
  readonly length: number;
}

const alignment = 16;
const alignUp = (n: number): number => Math.ceil(n / alignment) * alignment;

export function layoutOf(parameters: readonly { name: string; shape: readonly number[] }[]): ParameterLayout {
  const entries: LayoutEntry[] = [];
  let offset = 0;
  for (const { name, shape } of parameters) {
    const size = shape.reduce((n, d) => n * d, 1);
    entries.push({ name, shape, offset, size });
    offset = alignUp(offset + size);
  }
  return { entries, length: offset };
}

/**
 * The vector a shard hands to the reduction: gradient sums in the parameters' layout, then the statistics, padded to
 * 16 elements. The tree adds it element by element.
 */
export interface ResultLayout {
  readonly gradients: number;
  readonly statistics: readonly string[];
  readonly length: number;
}

export function resultLayoutOf(layout: ParameterLayout | undefined, statistics: readonly string[]): ResultLayout {
  const gradients = layout?.length ?? 0;
  return { gradients, statistics, length: alignUp(gradients + statistics.length) };
}
