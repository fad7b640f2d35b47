import { statSync } from 'node:fs';

/** Where the packages are installed beside each other. */
const packagesUrl = new URL('../../../', import.meta.url);

const writtenMs = (url: URL): number => statSync(url, { throwIfNoEntry: false })?.mtimeMs ?? 0;

/**
 * What the command line or the engine's thread loads, in a few files (scripts/bundle.ts): in a fifth of the time. None where packages were built again since,
 * which the compiler's notes in a checkout tell; a published package has no such notes.
 */
export function freshBundle(entry: 'engine' | 'cli', packages = packagesUrl): string | undefined {
  const bundle = new URL(`coordinator/dist/bundle/${entry}.js`, packages);
  const builtMs = ['core', 'worker', 'coordinator'].map((name) =>
    writtenMs(new URL(`${name}/tsconfig.tsbuildinfo`, packages)),
  );
  return writtenMs(bundle) > Math.max(...builtMs) ? bundle.href : undefined;
}
