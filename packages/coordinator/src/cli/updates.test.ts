import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findRunFile } from './run-file.ts';
import { resumedOptions, updatesOf } from './updates.ts';

test('what makes updates is recorded with its defaults, and nothing of mode sync', () => {
  expect(updatesOf({ listen: '127.0.0.1:0', placement: 'workers' })).toBeUndefined();
  expect(updatesOf({ mode: 'async', listen: '127.0.0.1:0' })).toEqual({ mode: 'async', compress: 'none' });
  expect(updatesOf({ mode: 'ssp', compress: 'topk' })).toEqual({ mode: 'ssp', staleness: 3, compress: 'topk:0.01' });
  expect(updatesOf({ mode: 'local', outerMomentum: 0.5 })).toEqual({
    ...{ mode: 'local', localSteps: 50, replicas: 2, outerLearningRate: 1, outerMomentum: 0.5, compress: 'none' },
  });
});

test('what is given again wins, and another mode begins anew', () => {
  const recorded = { mode: 'ssp', staleness: 3, compress: 'int8' } as const;
  expect(resumedOptions({}, recorded)).toEqual(recorded);
  expect(resumedOptions({ staleness: 1 }, recorded)).toEqual({ ...recorded, staleness: 1 });
  expect(resumedOptions({ mode: 'ssp', listen: 'a:1' }, recorded)).toEqual({ ...recorded, listen: 'a:1' });
  expect(resumedOptions({ mode: 'async' }, recorded)).toEqual({ mode: 'async' });
  expect(resumedOptions({ listen: 'a:1' }, undefined)).toEqual({ listen: 'a:1' });
});

test('a card that does not say how updates are made is damaged', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-card-'));
  const card = { job: 'job.ts', name: 'job', overrides: {} };
  const found = (more: object) => {
    writeFileSync(join(folder, 'run.json'), JSON.stringify({ ...card, ...more }));
    return findRunFile(folder);
  };
  try {
    expect(await found({})).toEqual(card);
    expect(await found({ updates: { mode: 'async' } })).toMatchObject({ updates: { mode: 'async' } });
    for (const updates of [null, 'local', {}, { mode: 'other' }])
      await expect(found({ updates })).rejects.toThrow(/run\.json is damaged: .*how updates are made \("updates"\)/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
