import { expect, test } from 'vitest';
import { Board } from '../exchange/board.ts';
import { vectorSource } from '../exchange/piece-source.ts';
import { pieces } from '../exchange/pieces.ts';
import { openWhile, vectorSink } from '../exchange/sink.ts';
import { PiecesOfOthers } from './pieces-of-others.ts';

const own = 'here:1';
const who = { run: 'run', term: 0, member: 1 };
const node = pieces.node(1, { lo: 0, hi: 2 });

function atHome() {
  const board = new Board();
  const options = { security: { tls: undefined, token: undefined }, coordinator: 'there:1', own };
  const others = new PiecesOfOthers({ ...options, board: () => board, traffic: { received: 0 } });
  return { board, pull: others.pull.bind(others, own, who, node) };
}

test('a vector of the own board comes element by element, part by part as it is final', async () => {
  const { board, pull } = atHome();
  const values = Float32Array.of(0, 1, 2, 3, 4, 5);
  const into = new Float32Array(6);
  const publication = board.publish(node, vectorSource(values, { rounded: 6 }), 3);
  const done = pull(vectorSink(into, { rounded: 6 }), new AbortController().signal);
  values.set([6, 7, 8], 3);
  publication.finish();
  await done;
  expect([...into]).toEqual([0, 1, 2, 6, 7, 8]);
});

test('what is not wanted any more is not written', async () => {
  const { board, pull } = atHome();
  const into = new Float32Array(2);
  let wanted = true;
  const publication = board.publish(node, vectorSource(Float32Array.of(1, 2)), 0);
  const done = pull(
    openWhile(() => wanted, vectorSink(into)),
    new AbortController().signal,
  );
  const failed = expect(done).rejects.toThrow('the run has moved on');
  await Promise.resolve();
  wanted = false;
  publication.finish();
  await failed;
  expect([...into]).toEqual([0, 0]);
});
