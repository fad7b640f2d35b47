import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { freshBundle } from './fresh-bundle.ts';

const folder = mkdtempSync(join(tmpdir(), 'lockstep-bundle-'));
const packages = pathToFileURL(`${folder}/`);
const bundle = 'coordinator/dist/bundle/engine.js';

function write(path: string, writtenSeconds: number): void {
  const at = join(folder, path);
  mkdirSync(dirname(at), { recursive: true });
  writeFileSync(at, '');
  utimesSync(at, writtenSeconds, writtenSeconds);
}

beforeEach(() => rmSync(folder, { recursive: true, force: true }));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('a published package has a bundle and no notes of the compiler', () => {
  expect(freshBundle('engine', packages)).toBeUndefined();
  write(bundle, 100);
  expect(freshBundle('engine', packages)).toBe(new URL(bundle, packages).href);
  expect(freshBundle('cli', packages)).toBeUndefined();
});

test.each(['core', 'worker', 'coordinator'])('a bundle older than what was built of %s is left alone', (name) => {
  write(bundle, 100);
  for (const other of ['core', 'worker', 'coordinator']) write(`${other}/tsconfig.tsbuildinfo`, 90);
  expect(freshBundle('engine', packages)).toBe(new URL(bundle, packages).href);
  write(`${name}/tsconfig.tsbuildinfo`, 110);
  expect(freshBundle('engine', packages)).toBeUndefined();
});

test('this checkout has one', () => {
  expect(freshBundle('engine')).toMatch(/coordinator\/dist\/bundle\/engine\.js$/);
  expect(freshBundle('cli')).toMatch(/coordinator\/dist\/bundle\/cli\.js$/);
});
