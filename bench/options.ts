import { parseArgs } from 'node:util';

export interface BenchOptions {
  /** Works or tables that are wanted; empty = all. */
  readonly wanted: readonly string[];
  readonly windows: number;
  /** Least milliseconds of a window. */
  readonly ms: number;
}

/** `[WORK ...] [--windows N] [--ms N]`, the same for all small benchmarks. */
export function benchOptions(windows: number, ms: number): BenchOptions {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      windows: { type: 'string', default: String(windows) },
      ms: { type: 'string', default: String(ms) },
    },
  });
  return { wanted: positionals, windows: Number(values.windows), ms: Number(values.ms) };
}
