import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type AnyJob, isJob, UsageError, version } from '@lockstep/core';
import { resolveLockstepToOurselves } from './resolve-lockstep.ts';

/** Imports a job file. @throws UsageError where it is missing, is not a job, or is not the TypeScript that Node can run */
export async function importJob(path: string): Promise<AnyJob> {
  const file = resolve(path);
  if (!existsSync(file)) throw new UsageError(`The job file ${path} does not exist.`);
  resolveLockstepToOurselves();
  let module: { default?: unknown };
  try {
    module = (await import(pathToFileURL(file).href)) as { default?: unknown };
  } catch (error) {
    throw describeImportError(path, error as NodeJS.ErrnoException);
  }
  if (module.default === undefined) {
    throw new UsageError(`${path} has no default export: write "export default defineJob({ ... })".`);
  }
  if (!isJob(module.default)) {
    throw new UsageError(`The default export of ${path} is not a job: wrap it in defineJob() of @lockstep/core.`);
  }
  if (module.default.version !== version) {
    throw new UsageError(
      `${path} was defined by @lockstep/core ${module.default.version}, this is ${version}: install one version.`,
    );
  }
  return module.default;
}

function describeImportError(path: string, error: NodeJS.ErrnoException): Error {
  if (error instanceof UsageError) return error;
  if (error.code === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX') {
    return new UsageError(
      `${path} uses TypeScript that needs compiling (${firstLine(error)}): Node only strips types; replace enums, namespaces and parameter properties.`,
      { cause: error },
    );
  }
  if (error.code === 'ERR_MODULE_NOT_FOUND' || error.code === 'ERR_UNKNOWN_FILE_EXTENSION') {
    return new UsageError(`${path} cannot be imported: ${firstLine(error)}.`, { cause: error });
  }
  if (error instanceof SyntaxError || error.code === 'ERR_INVALID_TYPESCRIPT_SYNTAX') {
    const at = /^(file:.*:\d+)$/m.exec(error.stack ?? '')?.[1];
    return new UsageError(`${path} is not valid TypeScript: ${firstLine(error)}${at ? ` (${at})` : ''}.`, {
      cause: error,
    });
  }
  return error;
}

const firstLine = (error: Error): string =>
  (error.message.split('\n').find((line) => line.trim()) ?? '').trim().replace(/\.$/, '');
