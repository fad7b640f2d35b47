import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

interface Memory {
  readonly heapUsed: number;
  readonly rss: number;
}

test('10 000 steps: memory stays flat, and the compute threads allocate nothing', () => {
  const script = fileURLToPath(new URL('./support/soak.ts', import.meta.url));
  const text = execFileSync(process.execPath, ['--expose-gc', script], { encoding: 'utf8' });
  const { early, late, threadHeapGrowthBytes, steps } = JSON.parse(text) as {
    early: Memory;
    late: Memory;
    threadHeapGrowthBytes: number[];
    steps: number;
  };
  expect(late.heapUsed).toBeLessThan(early.heapUsed * 1.01);
  expect(late.rss).toBeLessThan(early.rss * 1.01);
  // Nothing is collected between the two looks. One number on the heap takes 16 bytes, so one a step would be 16 * steps; what there is
  // comes from the looks themselves and from V8's optimizing compiler.
  for (const growth of threadHeapGrowthBytes) expect(growth).toBeLessThan(12 * steps);
});
