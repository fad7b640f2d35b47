import type { DataDescriptor } from './descriptor.ts';
import type { DataSource } from './source.ts';

/**
 * Lets a source say how it can be opened elsewhere. Not enumerable: whoever builds another source from this one by spreading it must not take the
 * description along.
 */
export function described<D extends DataSource>(source: D, descriptor: DataDescriptor): D {
  return Object.defineProperty(source, 'descriptor', { value: descriptor, enumerable: false });
}

/** `given` without entries that are undefined, which JSON cannot tell from absent ones. */
export const plainOptions = (given: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
