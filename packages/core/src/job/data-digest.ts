import { createHash } from 'node:crypto';
import type { DataSource } from '../data/source.ts';
import type { DataSplits } from './options.ts';

/** Samples hashed of a source that brings no digest of its own: enough to notice other data, cheap for any length. */
const probes = 256;

/** SHA-256 that stands for the data of a run: the sources' own digests, or evenly spaced samples. */
export async function dataDigest(data: DataSplits): Promise<string> {
  const hash = createHash('sha256');
  for (const split of ['train', 'test'] as const) {
    const source = data[split];
    hash.update(`${split}:${source ? `${source.length}:${source.digest ?? (await probe(source))}` : 'none'};`);
  }
  return hash.digest('hex');
}

/**
 * Stands for one source: its own digest and evenly spaced samples, since a source made from another one may have taken over that one's digest.
 * Streams have none.
 */
export async function sourceFingerprint(source: DataSource): Promise<string> {
  return createHash('sha256')
    .update(`${source.length}:${source.digest ?? ''}:${await probe(source)}`)
    .digest('hex');
}

async function probe(source: DataSource): Promise<string> {
  const hash = createHash('sha256');
  const count = Math.min(probes, source.length);
  for (let i = 0; i < count; i++) {
    const sample = await source.sample(source.sequential ? i : Math.floor((i * source.length) / count));
    for (const [name, value] of Object.entries(sample)) {
      const values = typeof value === 'number' ? [value] : value;
      hash.update(name).update(new Uint8Array(Float64Array.from(values).buffer));
    }
  }
  return hash.digest('hex');
}
