import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

// Imports point one way. The layers of each package, lowest first; a folder may import from itself and from lower lines.

const root = fileURLToPath(new URL('../packages/', import.meta.url));

const layers: Record<string, readonly (readonly string[])[]> = {
  core: [
    ['errors.ts', 'version.ts'],
    ['math', 'kernels'],
    ['kernels.ts'],
    ['random', 'graph'],
    ['data'],
    ['ops'],
    ['nn', 'loss', 'optim', 'augment'],
    ['metrics'],
    ['program'],
    ['formats'],
    ['job'],
    ['index.ts', 'testing'],
    ['internal.ts'],
  ],
  worker: [
    ['thread-script.ts', 'control-block.ts', 'sharding', 'gen'],
    ['barrier.ts', 'compress', 'grpc', 'member'],
    ['exchange', 'protocol'],
    ['memory', 'profile'],
    ['step-loop.ts'],
    ['thread'],
    ['replica'],
    ['host'],
    ['messages.ts'],
    ['local.ts'],
    ['index.ts'],
  ],
  coordinator: [
    ['storage', 'certs'],
    ['observe', 'job', 'strategies'],
    ['checkpoint', 'membership', 'reduce'],
    ['sharding'],
    ['engine', 'predict', 'testing'],
    ['cluster'],
    ['service'],
    ['train.ts'],
    ['evaluate.ts'],
    ['cli'],
    ['index.ts'],
  ],
};
const packages = Object.keys(layers);

interface Import {
  readonly from: string;
  readonly to: string;
}

function sourceFiles(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) return sourceFiles(path);
    return /(?<!\.test|\.d)\.ts$/.test(entry.name) ? [path] : [];
  });
}

/** Static imports and re-exports; types count as well, since a reader has to follow them too. */
function importsOf(path: string, text: string): Import[] {
  const specifiers = [...text.matchAll(/^(?:import|export)\s[^;]*?from\s+'([^']+)'|^import\s+'([^']+)'/gm)].map(
    (m) => (m[1] ?? m[2]) as string,
  );
  return specifiers.flatMap((specifier) => {
    if (specifier.startsWith('.')) return [{ from: path, to: resolve(dirname(path), specifier) }];
    const own = /^@lockstep\/(\w+)/.exec(specifier)?.[1];
    return own ? [{ from: path, to: join(root, own, 'src', 'index.ts') }] : [];
  });
}

const place = (path: string) => {
  const [name = '', , folder = ''] = relative(root, path).split('/');
  return { name, folder };
};

/** Why an import is not allowed; undefined where it is. */
function violation({ from, to }: Import): string | undefined {
  const [a, b] = [place(from), place(to)];
  const text = `${relative(root, from)} -> ${relative(root, to)}`;
  if (a.name !== b.name)
    return packages.indexOf(b.name) < packages.indexOf(a.name) ? undefined : `${text}: packages point the other way`;
  const level = (folder: string) =>
    (layers[a.name] as readonly (readonly string[])[]).findIndex((line) => line.includes(folder));
  if (level(a.folder) < 0) return `${text}: ${a.folder} has no layer`;
  return a.folder === b.folder || level(b.folder) < level(a.folder) ? undefined : `${text}: not a lower layer`;
}

function cycleIn(edges: readonly Import[]): string[] | undefined {
  const next = new Map<string, string[]>();
  for (const { from, to } of edges) next.set(from, [...(next.get(from) ?? []), to]);
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file].map((f) => relative(root, f));
    if (done.has(file)) return undefined;
    for (const target of next.get(file) ?? []) {
      const cycle = visit(target, [...path, file]);
      if (cycle) return cycle;
    }
    done.add(file);
    return undefined;
  };
  for (const file of next.keys()) {
    const cycle = visit(file, []);
    if (cycle) return cycle;
  }
  return undefined;
}

const edges = packages
  .flatMap((name) => sourceFiles(join(root, name, 'src')))
  .flatMap((path) => importsOf(path, readFileSync(path, 'utf8')));

test('imports point to lower layers', () => {
  expect(edges.length).toBeGreaterThan(200);
  expect(edges.map(violation).filter((text) => text !== undefined)).toEqual([]);
});

test('no cycles between files', () => {
  expect(cycleIn(edges)).toBeUndefined();
});

test('the checks find what is planted', () => {
  const at = (path: string) => join(root, path);
  const planted = importsOf(
    at('core/src/graph/dim.ts'),
    "import { add } from '../ops/arithmetic.ts';\nimport x from '@lockstep/worker';\n",
  );
  expect(planted.map(violation)).toEqual([
    'core/src/graph/dim.ts -> core/src/ops/arithmetic.ts: not a lower layer',
    'core/src/graph/dim.ts -> worker/src/index.ts: packages point the other way',
  ]);
  const [a, b] = [at('core/src/ops/a.ts'), at('core/src/ops/b.ts')];
  expect(
    cycleIn([
      { from: a, to: b },
      { from: b, to: a },
    ]),
  ).toEqual(['core/src/ops/a.ts', 'core/src/ops/b.ts', 'core/src/ops/a.ts']);
});
