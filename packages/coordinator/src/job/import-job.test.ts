import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { version } from '@lockstep/core';
import { afterAll, describe, expect, test } from 'vitest';

// vitest imports files in its own way, and what Node says of a job is the point here: the built importJob is asked in a thread.
const thread = new Worker(
  new URL(
    `data:text/javascript,${encodeURIComponent(`
    import { parentPort } from 'node:worker_threads';
    const { importJob } = await import(${JSON.stringify(new URL('../../dist/job/import-job.js', import.meta.url).href)});
    parentPort.on('message', (path) => importJob(path).then(
      ({ name }) => parentPort.postMessage({ name }),
      (error) => parentPort.postMessage({ error: error.name, message: error.message }),
    ));`)}`,
  ),
  { execArgv: [] },
);
afterAll(() => thread.terminate());

interface Answer {
  readonly name?: string;
  readonly error?: string;
  readonly message?: string;
}

async function importJob(path: string): Promise<Answer> {
  thread.postMessage(path);
  const [answer] = (await once(thread, 'message')) as [Answer];
  return answer;
}

// A user's own folder, far from this repo, with no node_modules.
const folder = mkdtempSync(join(tmpdir(), 'lockstep-import-'));
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

const good = `import { defineJob, nn, optim } from '@lockstep/core';
export default defineJob({ name: 'mine', batch: { size: 1 }, steps: 1, optimizer: optim.sgd({ lr: 1 }),
  model: (): nn.Module => new nn.Linear(1, 1), data: () => ({}), step: () => ({}) } as never);`;

test('a job imports @lockstep/core from a folder that has none installed', async () => {
  expect(await importJob(write('good.ts', good))).toEqual({ name: 'mine' });
});

test('a copy of the same version in the job folder gives way to ours', async () => {
  write('same/node_modules/@lockstep/core/package.json', JSON.stringify({ name: '@lockstep/core', version }));
  expect(await importJob(write('same/job.ts', good))).toEqual({ name: 'mine' });
});

test('a copy of another version is refused', async () => {
  write('other/node_modules/@lockstep/core/package.json', '{"name":"@lockstep/core","version":"9.8.7"}');
  expect(await importJob(write('other/job.ts', good))).toEqual({
    error: 'UsageError',
    message: expect.stringMatching(
      /other\/job\.ts has its own @lockstep\/core 9\.8\.7, but this is Lockstep .*: install the same version, or remove that one/,
    ),
  });
});

describe.each<[what: string, name: string, text: string, says: RegExp]>([
  [
    'an enum',
    'enum.ts',
    'export default 1;\nenum A { B }',
    /enum\.ts:2 uses TypeScript that needs compiling .*replace enums/,
  ],
  [
    'a parameter property',
    'pp.ts',
    'class A { constructor(public x: number) {} }',
    /pp\.ts:1 uses .* parameter properties/,
  ],
  [
    'a syntax error',
    'syntax.ts',
    'const a = 1;\n\nexport default (;',
    /syntax\.ts:3 is not valid TypeScript: Expression/,
  ],
  ['a syntax error in JavaScript', 'syntax.js', 'export default (;', /syntax\.js cannot be imported: Unexpected token/],
  ['one in a file it imports', 'outer.ts', "import './syntax.ts';", /syntax\.ts:3 is not valid TypeScript/],
  [
    'a name that core does not have',
    'name.ts',
    "import { nope } from '@lockstep/core';",
    /name\.ts:1 cannot be imported: .*'nope'/,
  ],
  [
    'a package that is not there',
    'package.ts',
    "import 'not-installed-here';",
    /cannot be imported: Cannot find package/,
  ],
  ['a file that is no code', 'data.txt', 'x', /data\.txt cannot be imported: Unknown file extension/],
  [
    'TypeScript in node_modules',
    'node_modules/a/job.ts',
    'export default 1 as number',
    /takes no TypeScript from node_modules/,
  ],
  ['no default export', 'none.ts', 'export const a = 1;', /none\.ts has no default export: write "export default/],
  ['a default export that is no job', 'plain.ts', 'export default {};', /plain\.ts is not a job: wrap it in defineJob/],
])('%s', (_, name, text, says) => {
  test('is told in one sentence', async () => {
    expect(await importJob(write(name, text))).toEqual({ error: 'UsageError', message: expect.stringMatching(says) });
  });
});

test('what is not there, and what is not a file', async () => {
  expect((await importJob('nowhere.ts')).message).toBe('The job file nowhere.ts does not exist.');
  mkdirSync(join(folder, 'folder.ts'));
  expect((await importJob(join(folder, 'folder.ts'))).message).toMatch(/folder\.ts is not a file/);
});

test("an error of the job's own code stays what it is", async () => {
  expect(await importJob(write('throws.ts', "JSON.parse('{');\nexport {};"))).toMatchObject({ error: 'SyntaxError' });
});
