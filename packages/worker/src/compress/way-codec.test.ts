import { layoutOf } from '@lockstep/core/internal';
import { describe, expect, test } from 'vitest';
import type { Compression } from './compressor.ts';
import { WayCodec } from './way-codec.ts';

const layout = layoutOf([
  { name: 'a', shape: [60, 80] },
  { name: 'b', shape: [60] },
]);

const wayOf = (salt: number): Float32Array =>
  Float32Array.from({ length: layout.length + 2 }, (_, i) =>
    Math.fround((((i + 3) * (salt * 2 + 97)) % 907) / 907 - 0.5),
  );
const norm = (x: Float32Array): number => Math.sqrt(x.reduce((s, v) => s + v * v, 0));
const difference = (a: Float32Array, b: Float32Array): Float32Array => a.map((v, i) => v - (b[i] as number));

const all: Compression[] = [{ kind: 'topk', fraction: 0.1 }, { kind: 'int8' }, { kind: 'powersgd', rank: 4 }];

describe.each(all)('$kind', (compression) => {
  test('what is told of the same way comes ever nearer to it', () => {
    const codec = new WayCodec(compression, layout);
    const way = wayOf(1);
    let remembered = new Float32Array(layout.length);
    const told = new Float32Array(way.length);
    const errors: number[] = [];
    for (let round = 0; round < 30; round++) {
      codec.decode(codec.encode(way, remembered), remembered, told);
      remembered = told.slice(0, layout.length);
      errors.push(norm(difference(way, told)) / norm(way));
    }
    expect([...errors].sort((a, b) => b - a)).toEqual(errors);
    expect(errors.at(-1)).toBeLessThan(0.2 * (errors[0] as number) + 1e-6);
    expect(told.subarray(layout.length)).toEqual(way.subarray(layout.length));
  });

  test('is a function of the way and of what is remembered, whatever was told before', () => {
    const [used, fresh] = [new WayCodec(compression, layout), new WayCodec(compression, layout)];
    const remembered = wayOf(2).slice(0, layout.length);
    used.encode(wayOf(3), remembered);
    expect(used.encode(wayOf(1), remembered)).toEqual(fresh.encode(wayOf(1), remembered));
  });

  test('a way that is not finite comes as it is', () => {
    const codec = new WayCodec(compression, layout);
    const way = wayOf(1);
    way[5] = Number.POSITIVE_INFINITY;
    const told = new Float32Array(way.length);
    codec.decode(codec.encode(way, wayOf(2)), wayOf(2), told);
    expect(told).toEqual(way);
  });
});
