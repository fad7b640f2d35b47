import { expect, test } from 'vitest';
import { vectorSource } from '../exchange/piece-source.ts';
import { Publication } from '../exchange/publication.ts';
import { EarlyNodes } from './early-nodes.ts';

test('a node is put up when the first part of it is final, and is whole in the end', async () => {
  const offered: string[] = [];
  const values = new Float32Array(100);
  let publication: Publication | undefined;
  const early = new EarlyNodes(({ lo, hi }, vector) => {
    offered.push(`${lo}-${hi}`);
    publication = new Publication(vectorSource(vector), 0);
    return publication;
  });
  const nodes = [{ lo: 0, hi: 2, values }];
  early.settle({ nodes, slices: [{ from: 80, to: 100 }] });
  early.settle({ nodes, slices: [{ from: 50, to: 80 }] });
  expect(offered).toEqual(['0-2']);
  const { signal } = new AbortController();
  const slice = vectorSource(values, undefined, 60, 90);
  await publication?.ready(slice, slice.bytes, signal);
  expect(early.finish({ lo: 0, hi: 2 })).toBe(true);
  await publication?.ready(vectorSource(values), 400, signal);
  expect(early.finish({ lo: 2, hi: 4 })).toBe(false);
});
