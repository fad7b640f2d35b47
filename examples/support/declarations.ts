import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** The `lib.*.d.ts` files of the installed TypeScript: 3.8 MB of declarations that every checkout has. */
export function declarationFiles(): string[] {
  const require = createRequire(import.meta.url);
  const name = `@typescript/typescript-${process.platform}-${process.arch}`;
  // TypeScript 7 keeps them in the package of the platform, which is installed beside it.
  const fromTypeScript = createRequire(require.resolve('typescript/package.json'));
  const lib = join(dirname(fromTypeScript.resolve(`${name}/package.json`)), 'lib');
  return readdirSync(lib)
    .filter((file) => /^lib\..*\.d\.ts$/.test(file))
    .sort()
    .map((file) => join(lib, file));
}
