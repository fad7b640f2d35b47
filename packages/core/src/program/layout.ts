/** Where one parameter lies in the flat vector: offset and size in f32 elements. */
export interface LayoutEntry {
  readonly name: string;
  readonly shape: readonly number[];
  readonly offset: number;
  readonly size: number;
}

/**
 * All parameters, then all buffers, as one flat f32 vector. Entries start at multiples of 16 elements (64 bytes); the gaps stay zero.
 * Buffers start a block of their own, so that norms of gradients are sums over whole blocks.
 */
export interface ParameterLayout {
  readonly entries: readonly LayoutEntry[];
  /** Where the parameters end, in elements. */
  readonly trained: number;
  /** Length of the flat vector in elements, gaps included; a multiple of 16. */
  readonly length: number;
}

/** Elements of a block: 16 KiB, the unit of ownership, of the norm's partial sums and of the digest. */
export const blockElements = 4096;

const alignment = 16;
const alignUp = (n: number): number => Math.ceil(n / alignment) * alignment;

interface NamedShape {
  readonly name: string;
  readonly shape: readonly number[];
}

export function layoutOf(parameters: readonly NamedShape[], buffers: readonly NamedShape[] = []): ParameterLayout {
  const entries: LayoutEntry[] = [];
  let offset = 0;
  const append = ({ name, shape }: NamedShape): void => {
    const size = shape.reduce((n, d) => n * d, 1);
    entries.push({ name, shape, offset, size });
    offset = alignUp(offset + size);
  };
  parameters.forEach(append);
  const trained = offset;
  if (buffers.length > 0) offset = Math.ceil(offset / blockElements) * blockElements;
  buffers.forEach(append);
  return { entries, trained, length: offset };
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
