import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type AnyJob, isJob, UsageError, version } from '@lockstep/core';
import { resolveLockstepToOurselves } from './resolve-lockstep.ts';

/** Imports a job file. @throws UsageError where it is missing, is not a job, or is not the TypeScript that Node can run */
export async function importJob(path: string): Promise<AnyJob> {
  const file = resolve(path);
  const info = statSync(file, { throwIfNoEntry: false });
  if (!info) throw new UsageError(`The job file ${path} does not exist.`);
  if (!info.isFile())
    throw new UsageError(`The job ${path} is not a file: give the file whose default export is the job.`);
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

/** What is wrong with the file, or with one that it imports; an error that the job's own code throws stays as it is. */
function describeImportError(path: string, error: NodeJS.ErrnoException): Error {
  if (error instanceof UsageError) return error;
  const where = locationOf(error) ?? path;
  const what = firstLine(error);
  const fail = (message: string) => new UsageError(message, { cause: error });
  switch (error.code) {
    case 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX':
      return fail(
        `${where} uses TypeScript that needs compiling (${what}): Node only strips types; replace enums, namespaces and parameter properties.`,
      );
    case 'ERR_INVALID_TYPESCRIPT_SYNTAX':
      return fail(`${where} is not valid TypeScript: ${what}.`);
    case 'ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING':
      return fail(`${path} cannot be imported: Node takes no TypeScript from node_modules; move it out or compile it.`);
    case 'ERR_MODULE_NOT_FOUND':
    case 'ERR_PACKAGE_PATH_NOT_EXPORTED':
    case 'ERR_UNKNOWN_FILE_EXTENSION':
    case 'ERR_UNSUPPORTED_DIR_IMPORT':
      return fail(`${path} cannot be imported: ${what}.`);
  }
  if (error instanceof SyntaxError && !thrownByCode(error)) return fail(`${where} cannot be imported: ${what}.`);
  return error;
}

const firstLine = (error: Error): string =>
  (error.message.split('\n').find((line) => line.trim()) ?? '').trim().replace(/\.$/, '');

/** `file:line`, with which the stack of a syntax error begins. */
const locationOf = ({ stack = '' }: Error): string | undefined => /^(?:file:\/\/)?(\/.*:\d+)\n/.exec(stack)?.[1];

/** Whether a frame of the stack lies in a file other than this one: then code ran (a JSON.parse, say) and nothing is wrong with the file. */
const thrownByCode = ({ stack = '' }: Error): boolean =>
  stack.split('\n').some((line) => /^\s+at .*file:/.test(line) && !line.includes(import.meta.url));
