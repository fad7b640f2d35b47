import { expect, test } from 'vitest';
import { nn } from '../index.ts';

// What a layer cannot be made with is told where it is made, not in the middle of a run.

test.each<[string, () => unknown, string]>([
  ['no features', () => new nn.Linear(0, 3), 'Parameter: the shape [3, 0] must hold whole numbers of at least 1'],
  ['half a feature', () => new nn.Linear(2.5, 3), 'Parameter: the shape [3, 2.5] must hold whole numbers'],
  ['no kernel', () => new nn.Conv2d(1, 4, 0), 'Parameter: the shape [4, 1, 0, 0] must hold whole numbers'],
  ['half a kernel', () => new nn.Conv1d(1, 4, 2.5), 'Parameter: the shape [4, 1, 2.5] must hold whole numbers'],
  ['an empty table', () => new nn.Embedding(0, 3), 'Parameter: the shape [0, 3] must hold whole numbers'],
  ['no width', () => new nn.MultiheadAttention(0, 2), 'Parameter: the shape [0, 0] must hold whole numbers'],
  [
    'a buffer without channels',
    () => new nn.BatchNorm1d(0, { affine: false }),
    'Buffer: the shape [0] must hold whole numbers',
  ],
  ['eps', () => new nn.BatchNorm2d(3, { eps: -1 }), 'BatchNorm2d: eps must be a number of at least 0, not -1.'],
  ['momentum', () => new nn.BatchNorm1d(3, { momentum: 3 }), 'BatchNorm1d: momentum must be in [0, 1], not 3.'],
  ['dropout of more than all', () => new nn.Dropout(2), 'Dropout: p must be in [0, 1), not 2.'],
  ['dropout of NaN', () => new nn.Dropout(Number.NaN), 'Dropout: p must be in [0, 1), not NaN.'],
])('%s', (_, make, message) => expect(make).toThrow(message));
