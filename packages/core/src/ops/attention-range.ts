import { ShapeError, UsageError } from '../errors.ts';

/** Query i sees key j where low <= j - i <= high. */
export interface VisibleRange {
  readonly low: number;
  readonly high: number;
}

/** Beyond every position. */
const far = 2 ** 30;

export const everything: VisibleRange = { low: -far, high: far };

/** Which part of the keys a query may see by its place, for `queries` and `keys` positions. */
export function visibleRange(
  queries: number,
  keys: number,
  { causal = false, window }: { causal?: boolean | undefined; window?: number | undefined },
): VisibleRange {
  if (window !== undefined && (!Number.isSafeInteger(window) || window < 1 || window >= far))
    throw new UsageError(
      `attention: window must be a whole number of at least 1, not ${window}; leave it out for all positions.`,
    );
  if (causal && queries > keys) {
    throw new ShapeError(
      `attention: causal, but there are more queries (${queries}) than keys (${keys}); the queries are the last positions of the keys.`,
    );
  }
  if (causal) return { low: window === undefined ? -far : keys - queries - window + 1, high: keys - queries };
  return window === undefined ? everything : { low: -window, high: window };
}
