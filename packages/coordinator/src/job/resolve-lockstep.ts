import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UsageError, version } from '@lockstep/core';

let installed = false;
let bundle: string | undefined;

/** For a thread that was bundled: entries of the bundle stand for what core exports. @param url of a file beside them */
export function resolveLockstepTo(url: string): void {
  bundle = url;
}

/**
 * A job in a user's own folder imports `@lockstep/core`. Two copies of it would be two tensor classes, so the name always means
 * the copy that runs the job; another version in the job's folder is refused instead of quietly replaced.
 */
export function resolveLockstepToOurselves(): void {
  if (installed) return;
  installed = true;
  registerHooks({
    resolve(specifier, context, next) {
      const match = /^(@lockstep\/(?:core|worker|coordinator))(\/.*)?$/.exec(specifier);
      if (!match || !context.parentURL?.startsWith('file:')) return next(specifier, context);
      checkVersion(match[1] as string, context.parentURL);
      if (bundle && match[1] === '@lockstep/core' && match[2] !== '/package.json')
        return { url: new URL(`./core${match[2] ?? ''}.js`, bundle).href, format: 'module', shortCircuit: true };
      return next(specifier, { ...context, parentURL: import.meta.url });
    },
  });
}

function checkVersion(name: string, parentUrl: string): void {
  const found = installedVersion(name, parentUrl);
  if (found !== undefined && found !== version) {
    throw new UsageError(
      `${fileURLToPath(parentUrl)} has its own ${name} ${found}, but this is Lockstep ${version}: install the same version, or remove that one.`,
    );
  }
}

/** Of the copy that Node would find from there. Looked up by hand: `require.resolve` would come back to the hook. */
function installedVersion(name: string, parentUrl: string): string | undefined {
  for (let dir = dirname(fileURLToPath(parentUrl)); ; dir = dirname(dir)) {
    try {
      const text = readFileSync(join(dir, 'node_modules', name, 'package.json'), 'utf8');
      return (JSON.parse(text) as { version: string }).version;
    } catch {
      if (dir === dirname(dir)) return undefined;
    }
  }
}
