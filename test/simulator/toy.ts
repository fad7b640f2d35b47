import { foldTree, shardsOf } from '@lockstep/worker';

// A job small enough for thousands of histories, whose sums still depend on the order in which they are added, so that a fold that
// is not the canonical one gives another digest.

/** Elements of a node's vector: gradient, then one statistic. One stands for a block of 4096 elements of a real run. */
export const gradientElements = 5;
export const resultElements = gradientElements + 1;

/** State of the toy: parameters and momentum. */
export interface ToyState {
  readonly parameters: Float32Array;
  readonly momentum: Float32Array;
}

export interface ToyItem {
  readonly kind: 'train' | 'evaluate';
  readonly step: number;
  readonly phase: number;
  readonly samples: number;
}

const f = Math.fround;

export function initialState(): ToyState {
  return {
    parameters: Float32Array.from({ length: gradientElements }, (_, i) => (i + 1) / 3),
    momentum: new Float32Array(gradientElements),
  };
}

export const copyState = ({ parameters, momentum }: ToyState): ToyState => ({
  parameters: parameters.slice(),
  momentum: momentum.slice(),
});

function hash(...values: number[]): number {
  let h = 0x811c9dc5;
  for (const value of values) h = Math.imul(h ^ value, 0x01000193) ^ (h >>> 13);
  return h >>> 0;
}

/** What a shard's samples give, from the parameters: the same on every machine. */
export function shardResult(parameters: Float32Array, item: ToyItem, shard: number): Float32Array {
  const kind = item.kind === 'train' ? 1 : 2;
  const result = new Float32Array(resultElements);
  for (let i = 0; i < resultElements; i++) {
    const noise = hash(kind, item.step, item.phase, shard, i) / 4_294_967_296 - 0.5;
    result[i] = f(f(parameters[i % gradientElements] as number) * f(noise) + f(noise / 7));
  }
  return result;
}

export const add = (left: Float32Array, right: Float32Array): Float32Array =>
  left.map((value, i) => f(value + (right[i] as number)));

/** A node of the tree, from its shards; null where they have no samples. */
export function nodeResult(parameters: Float32Array, item: ToyItem, shards: number, lo: number, hi: number) {
  const filled = shardsOf(item.samples, shards).map(({ from, to }) => to > from);
  return foldTree<Float32Array>(
    { lo, hi },
    (node) => {
      if (node.hi - node.lo > 1) return undefined;
      return filled[node.lo] ? shardResult(parameters, item, node.lo) : null;
    },
    add,
  );
}

/** Applies the update of the reduced sums, in place. */
export function update({ parameters, momentum }: ToyState, reduced: Float32Array, item: ToyItem): void {
  for (let i = 0; i < gradientElements; i++) {
    momentum[i] = f(f((momentum[i] as number) * 0.875) + f((reduced[i] as number) / item.samples));
    parameters[i] = f((parameters[i] as number) - f((momentum[i] as number) * 0.03125));
  }
}

/** Of the parameters' bits, 32 hexadecimal digits. */
export function digestOf(values: Float32Array): string {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return [1, 2, 3, 4]
    .map((salt) =>
      hash(salt, ...words)
        .toString(16)
        .padStart(8, '0'),
    )
    .join('');
}
