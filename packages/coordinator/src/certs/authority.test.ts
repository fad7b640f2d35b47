import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { identityOf, loadSecurity } from '@lockstep/worker';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { main } from '../cli/main.ts';
import { createAuthority, issueCertificate } from './authority.ts';

let folder: string;
let said: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lockstep-certs-'));
  said = [];
  for (const method of ['log', 'error'] as const)
    vi.spyOn(console, method).mockImplementation((text: string) => void said.push(text));
});
afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = 0;
  rmSync(folder, { recursive: true, force: true });
});
const at = (name: string) => join(folder, name);
const run = (...args: string[]) => main(['certs', ...args]);

test('init and issue make what a coordinator and a worker need, readable by their owner only', async () => {
  await run('init', at('ca'));
  await run(
    'issue',
    'coordinator',
    '--ca',
    at('ca'),
    '--host',
    'train.example',
    '--host',
    '10.0.0.5',
    '--out',
    at('c'),
  );
  await run('issue', 'worker', 'w-1', '--ca', at('ca'), '--host', 'fe80::1', '--out', at('w'));
  expect(said.filter((line) => line.includes('error'))).toEqual([]);
  expect(readdirSync(at('ca')).sort()).toEqual(['ca-key.pem', 'ca.pem', 'token']);
  expect(readdirSync(at('c')).sort()).toEqual(['ca.pem', 'certificate.pem', 'key.pem', 'token']);
  for (const name of ['ca/ca-key.pem', 'ca/token', 'c/key.pem', 'w/key.pem', 'w/token'])
    expect(statSync(at(name)).mode & 0o777).toBe(0o600);
  expect(statSync(at('ca')).mode & 0o777).toBe(0o700);

  const coordinator = loadSecurity({ certs: at('c') });
  const worker = loadSecurity({ certs: at('w') });
  expect(coordinator.identity).toEqual({ role: 'coordinator', name: '' });
  expect(worker.identity).toEqual({ role: 'worker', name: 'w-1' });
  expect(coordinator.token?.equals(worker.token?.reveal() ?? '')).toBe(true);
  expect(said.join()).not.toContain(worker.token?.reveal());

  const certificate = new X509Certificate(readFileSync(at('c/certificate.pem')));
  expect(certificate.subjectAltName).toBe(
    'DNS:train.example, IP Address:10.0.0.5, DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, URI:lockstep:coordinator',
  );
  expect(certificate.ca).toBe(false);
  expect(new X509Certificate(readFileSync(at('ca/ca.pem'))).ca).toBe(true);
});

test('nothing is overwritten, and wrong use is named', async () => {
  await run('init', at('ca'));
  const key = readFileSync(at('ca/ca-key.pem'), 'utf8');
  await run('init', at('ca'));
  expect(said.at(-1)).toContain('ca.pem is there already and is not overwritten');
  expect(process.exitCode).toBe(2);
  expect(readFileSync(at('ca/ca-key.pem'), 'utf8')).toBe(key);
  await run('issue', 'worker', '--ca', at('ca'), '--out', at('w'));
  expect(said.at(-1)).toContain('certs issue worker NAME');
  await run('issue', 'worker', '../w', '--ca', at('ca'), '--out', at('w'));
  expect(said.at(-1)).toContain('A worker cannot be called');
  await run('issue', 'worker', 'w', '--ca', at('none'), '--out', at('w'));
  expect(said.at(-1)).toContain('make an authority');
  await run('issue', 'worker', 'w', '--ca', at('ca'), '--out', at('w'), '--host', 'URI:lockstep:coordinator');
  expect(said.at(-1)).toContain('neither a name nor an address: write one as others dial the machine');
  expect(readdirSync(folder)).toEqual(['ca']);
});

test('a certificate by another authority, an expired one and a key that others can read are refused at the start', async () => {
  const { writeSecrets } = await import('./certificate-folder.ts');
  const [ours, theirs] = [await createAuthority(10), await createAuthority(10)];
  const identity = { role: 'worker', name: 'w' } as const;
  const put = async (name: string, by: typeof ours, from?: Date) => {
    const { certificate, key } = await issueCertificate(by, { identity, hosts: [], days: 1, ...(from && { from }) });
    await writeSecrets(at(name), { 'ca.pem': ours.certificate, 'certificate.pem': certificate, 'key.pem': key });
    return at(name);
  };
  expect(loadSecurity({ certs: await put('good', ours) }).identity).toEqual(identity);
  const foreign = await put('foreign', theirs);
  expect(() => loadSecurity({ certs: foreign })).toThrow('is not by the authority');
  const old = await put('old', ours, new Date(Date.now() - 1e9));
  expect(() => loadSecurity({ certs: old })).toThrow('which is not now');
  const { chmodSync } = await import('node:fs');
  chmodSync(at('good/key.pem'), 0o644);
  expect(() => loadSecurity({ certs: at('good') })).toThrow('chmod 600');
});

test('a folder of the other role is refused at the start, and what cannot be read has a remedy', async () => {
  await run('init', at('ca'));
  await run('issue', 'coordinator', '--ca', at('ca'), '--out', at('c'));
  await run('issue', 'worker', 'w-1', '--ca', at('ca'), '--out', at('w'));
  expect(() => loadSecurity({ certs: at('w'), role: 'coordinator' })).toThrow(
    /w is the folder of worker w-1, and this is a coordinator: give one by `lockstep certs issue coordinator`\.$/,
  );
  expect(() => loadSecurity({ certs: at('c'), role: 'worker' })).toThrow(
    /c is the folder of a coordinator, and this is a worker: give one by `lockstep certs issue worker NAME`\.$/,
  );
  expect(loadSecurity({ certs: at('w'), role: 'worker' }).identity?.name).toBe('w-1');
  expect(() => loadSecurity({ certs: at('none'), role: 'worker' })).toThrow(
    /none\/ca\.pem cannot be read \(ENOENT\): give the folder that `lockstep certs issue worker NAME` made/,
  );
  expect(() => loadSecurity({ tokenFile: at('none') })).toThrow(
    /--token-file .*none cannot be read \(ENOENT\): give the file `token` of a folder by `lockstep certs`, or leave it out/,
  );
});

test('a certificate for this machine only says so', async () => {
  await run('init', at('ca'));
  await run('issue', 'coordinator', '--ca', at('ca'), '--out', at('c'));
  expect(said.at(-1)).toMatch(/^no --host: only workers of the same machine can join this coordinator/);
  await run('issue', 'worker', 'w', '--ca', at('ca'), '--out', at('w'));
  expect(said.at(-1)).toMatch(/^no --host: only this machine can reach it at --listen, .*--placement workers/);
  await run('issue', 'worker', 'v', '--ca', at('ca'), '--out', at('v'), '--host', 'there');
  expect(said.at(-1)).toMatch(/v: worker v at localhost, there, for 365 days$/);
});

test('an alternative name that only looks like a role gives none', () => {
  for (const names of [
    undefined,
    'DNS:lockstep:coordinator',
    'URI:lockstep:worker/a, URI:lockstep:worker/b',
    'URI:lockstep:coordinator, URI:lockstep:worker/b',
    'URI:lockstep:worker/',
    'URI:lockstep:worker/a b',
    '"URI:lockstep:coordinator"',
  ])
    expect(identityOf(names)).toBeUndefined();
  expect(identityOf('DNS:a, URI:lockstep:worker/b.c-d_9')).toEqual({ role: 'worker', name: 'b.c-d_9' });
});
