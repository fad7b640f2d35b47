import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const script = fileURLToPath(new URL('../bench/exchange.ts', import.meta.url));

test('the benchmark of the exchange runs and has a figure for each way', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [script, '1', '1']);
  const rates = stdout
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => Number(/\s(\d+)\s+\(/.exec(line)?.[1]));
  expect(rates).toHaveLength(16);
  for (const rate of rates) expect(rate).toBeGreaterThan(0);
});
