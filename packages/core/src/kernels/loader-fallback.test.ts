import { beforeEach, expect, test, vi } from 'vitest';

import type { LockstepError } from '../errors.ts';
import type { Kernels } from './instance.ts';
import type { loadKernelModule } from './loader.ts';
import { mayWiden } from './widening.ts';

/** What the self-test finds, by build. */
const found = vi.hoisted(() => ({ correct: { widened: true, plain: true }, ratio: 1.3 }));

vi.mock('./self-test.ts', async (original) => ({
  ...(await original<typeof import('./self-test.ts')>()),
  selfTest: ({ widened }: Kernels) => found.correct[widened ? 'widened' : 'plain'],
  measureTiles: () => found.ratio,
}));

/** A loader that has loaded nothing yet. */
async function load(): Promise<ReturnType<typeof loadKernelModule>> {
  vi.resetModules();
  return (await import('./loader.ts')).loadKernelModule();
}

beforeEach(() => {
  found.correct = { widened: true, plain: true };
  found.ratio = 1.3;
});

test.runIf(mayWiden())('what passes is widened', async () => {
  expect(await load()).toMatchObject({ widened: true, reason: undefined });
});

test.runIf(mayWiden())('a widened build with other bits is not used', async () => {
  found.correct.widened = false;
  expect(await load()).toMatchObject({ widened: false, reason: 'this V8 widens them to other bits' });
});

test.runIf(mayWiden())('a build that gains nothing counts as not widened', async () => {
  found.ratio = 0.8;
  expect(await load()).toMatchObject({ widened: false, reason: 'this V8 takes the flag without effect' });
});

test('when the plain build is wrong too, nothing runs', async () => {
  found.correct = { widened: false, plain: false };
  const failure = await load().catch((error: unknown) => error);
  expect((failure as LockstepError).name).toBe('LockstepError'); // of a module loaded afresh: not the same class
  expect((failure as LockstepError).message).toMatch(
    /give other bits on this machine than they must.*try another version of Node/,
  );
});
