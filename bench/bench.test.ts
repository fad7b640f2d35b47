import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

// Every benchmark runs, on next to no work, and prints what it is there for: numbers, and never NaN.

const brief = ['--windows', '1', '--ms', '1'];

test.each<[script: string, args: string[], says: RegExp]>([
  ['run.ts', ['w1', 'gemm-256', '--only', 'Lockstep, 1', ...brief], /\| w1 \| MLP .*\| [\d,]+ \|[\s\S]*by phase/],
  ['growth.ts', ['threads', ...brief], /\| 1 \| [\d.]+ \|/],
  ['shards.ts', ['w3', ...brief], /\| w3 \| 12 \| [\d.]+ \| [\d.]+ \| [\d.]+ \|/],
  ['overhead.ts', ['step', 'w3', ...brief], /\| 2 \| [\d.]+ \|[\s\S]*\| w3 \| [\d.]+ \| [\d.]+ \| [\d.]+ \|/],
  ['first-step.ts', ['w3', '--processes', '1', '--runs', '1'], /^warm, .*: \d+ ms\ncold, .*: \d+ ms/m],
  ['gemm.ts', ['--quick', '256'], /GFLOP\/s[\s\S]*256[\s\S]*/],
  ['conv.ts', ['--quick'], /\d/],
  ['kernels.ts', ['--quick', 'gelu'], /gelu/],
  ['attention.ts', ['--quick'], /\d/],
  ['lstm.ts', ['1', '2'], /\d/],
  [
    'cluster.ts',
    ['--steps', '4', '--rounds', '1', '--ways', 'workers, bf16, TLS', 'w3-gpt'],
    /workers, bf16, TLS +[\d.]+ +[\d.]+ +[\d.]+ +[\d.]+ \([\d.]+\)/,
  ],
  ['ceiling.ts', ['w3', ...brief], /\| w3 \| [\d.]+ \| [\d.]+ \| [\d.]+ \|/],
  ['builds.ts', ['w3', ...brief], /\| w3 \| 1\.00 \| [\d.]+ \| ([\d.]+|not available) \|/],
])('%s', (script, args, says) => {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const text = execFileSync(process.execPath, [path, ...args], { encoding: 'utf8' });
  expect(text).toMatch(says);
  expect(text).not.toMatch(/NaN|undefined/);
});
