import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { DataError } from '../errors.ts';
import { cacheFolder, download } from './download.ts';

const content = Buffer.from('the bytes of a data set');
const sha256 = createHash('sha256').update(content).digest('hex');
const home = mkdtempSync(join(tmpdir(), 'lockstep-download-'));
const folder = join(home, 'set');
let requests = 0;
const server = createServer((request, response) => {
  requests++;
  if (request.url === '/file.bin') response.end(content);
  else if (request.url === '/other.bin') response.end('other bytes');
  else response.writeHead(404).end();
});
let origin = '';

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.close();
  rmSync(home, { recursive: true });
});
beforeEach(() => {
  rmSync(folder, { recursive: true, force: true });
  requests = 0;
});

const get = (path: string, into = folder) =>
  download({ name: 'data.set', url: `${origin}${path}`, sha256, folder: into, file: 'file.bin' });

test('downloaded once, then taken from the cache', async () => {
  expect(Buffer.from(await get('/file.bin'))).toEqual(content);
  expect(Buffer.from(await get('/file.bin'))).toEqual(content);
  expect(requests).toBe(1);
  expect(readdirSync(folder)).toEqual(['file.bin']);
});

test('a damaged file in the cache is fetched again', async () => {
  await get('/file.bin');
  writeFileSync(join(folder, 'file.bin'), 'damaged');
  expect(Buffer.from(await get('/file.bin'))).toEqual(content);
  expect(readFileSync(join(folder, 'file.bin'))).toEqual(content);
});

test('other bytes are neither used nor kept', async () => {
  await expect(get('/other.bin')).rejects.toThrow(DataError);
  await expect(get('/other.bin')).rejects.toThrow(`not ${sha256}, so it is not used`);
  expect(() => readdirSync(folder)).toThrow('ENOENT');
});

test('an answer that is no file, and a cache that cannot be written', async () => {
  await expect(get('/none.bin')).rejects.toThrow(
    `data.set: cannot download ${origin}/none.bin (HTTP 404). Put file.bin from there into ${folder}`,
  );
  writeFileSync(join(home, 'taken'), '');
  await expect(get('/file.bin', join(home, 'taken'))).rejects.toThrow('cannot keep');
});

test('where downloads are kept', () => {
  expect(cacheFolder('mnist', '/data')).toBe(join('/data', 'mnist'));
  expect(cacheFolder('mnist')).toMatch(/mnist$/);
});
