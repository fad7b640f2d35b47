import { UsageError } from '@lockstep/core/internal';
import type { Compression } from './compressor.ts';

const defaults = { fraction: 0.01, rank: 4 } as const;

/** As `parseCompression` reads it; empty where nothing is compressed. */
export function formatCompression(compression: Compression): string {
  if (compression.kind === 'none') return '';
  if (compression.kind === 'topk') return `topk:${compression.fraction}`;
  return compression.kind === 'powersgd' ? `powersgd:${compression.rank}` : compression.kind;
}

/** `none`, `int8`, `topk` or `topk:0.01`, `powersgd` or `powersgd:4`. @throws UsageError */
export function parseCompression(text: string): Compression {
  const [kind, value, ...rest] = text.split(':');
  const bad = () =>
    new UsageError(`Compression "${text}" must be none, int8, topk:FRACTION (0 to 1) or powersgd:RANK (1 to 256).`);
  if (rest.length > 0) throw bad();
  switch (kind) {
    case 'none':
    case 'int8':
      if (value !== undefined) throw bad();
      return { kind };
    case 'topk': {
      const fraction = value === undefined ? defaults.fraction : Number(value);
      if (!(fraction > 0 && fraction <= 1)) throw bad();
      return { kind, fraction };
    }
    case 'powersgd': {
      const rank = value === undefined ? defaults.rank : Number(value);
      if (!Number.isInteger(rank) || rank < 1 || rank > 256) throw bad();
      return { kind, rank };
    }
    default:
      throw bad();
  }
}
