import { readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Plugin, rolldown } from 'rolldown';

// `packages/coordinator/dist/bundle/`: what the command line and the engine's threads load, in a few files instead of some 400, which Node resolves, reads
// and links one by one. Each package is also there file by file, for everybody else; service/fresh-bundle.ts chooses.

const root = fileURLToPath(new URL('..', import.meta.url));
const packages = ['core', 'worker', 'coordinator'].map((name) => join(root, 'packages', name));
const [core, worker, coordinator] = packages as [string, string, string];
const out = join(coordinator, 'dist/bundle');

/** Modules that name a file beside themselves which is not in the bundle: they still mean the one in their package. */
const placed = ['/core/dist/kernels/kernels-hash.js'];

const keepPlaces: Plugin = {
  name: 'keep-places',
  transform(code, id) {
    const place = placed.find((path) => id.endsWith(path));
    if (!place) return null;
    const [, name, path] = /^\/(\w+)\/(.*)$/.exec(place) as unknown as [string, string, string];
    const url = `new URL('${path}', import.meta.resolve('@lockstep/${name}/package.json')).href`;
    return { code: code.replaceAll('import.meta.url', `(${url})`), map: null };
  },
};

const writtenMs = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Number.NaN;

/** As service/fresh-bundle.ts has it, and this file. */
const newest = Math.max(
  ...packages.map((path) => writtenMs(join(path, 'tsconfig.tsbuildinfo'))),
  writtenMs(fileURLToPath(import.meta.url)),
);

if (!(writtenMs(join(out, 'engine.js')) > newest)) {
  const exported = JSON.parse(readFileSync(join(core, 'package.json'), 'utf8')).exports as Record<
    string,
    { default: string } | string
  >;
  const entries = Object.entries(exported).flatMap(([path, target]) =>
    typeof target === 'string' ? [] : [[join('core', path), join(core, target.default)]],
  );
  const bundle = await rolldown({
    input: {
      engine: join(coordinator, 'dist/service/engine-bundle.js'),
      cli: join(coordinator, 'dist/cli/cli-bundle.js'),
      'predict-thread': join(coordinator, 'dist/predict/predict-thread.js'),
      compute: join(worker, 'dist/thread/compute.js'),
      'compile-thread': join(worker, 'dist/thread/compile-thread.js'),
      ...Object.fromEntries(entries),
    },
    // Comlink is small and never asked for by a job; other packages stay where they are installed.
    external: (id) => !/^[./]|^@lockstep\/|^comlink(\/|$)/.test(id),
    platform: 'node',
    plugins: [keepPlaces],
  });
  const { output } = await bundle.write({
    dir: out,
    format: 'esm',
    cleanDir: true,
    sourcemap: true,
    chunkFileNames: '[name]-[hash].js',
  });
  await bundle.close();
  const bytes = output.reduce((sum, file) => sum + (file.type === 'chunk' ? file.code.length : 0), 0);
  console.log(`${relative(root, out)}: ${output.length} files, ${Math.round(bytes / 1024)} KiB`);
}
