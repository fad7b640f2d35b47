import fs, { type FileHandle } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

// Preloaded into every thread of a process (`node --import`): it sends itself SIGKILL at a change of the disk. DIE_AT says at which:
// `write|sync|rename|renamed PATTERN N` is the N-th operation on a path that matches; of a write, half was done; `renamed` is a moment later.

const [kind, pattern, nth] = (process.env.DIE_AT ?? '').split(' ') as [string, string, string];
const paths = new WeakMap<FileHandle, string>();
let seen = 0;

async function dieAt(operation: string, path: string, first?: () => Promise<unknown>): Promise<void> {
  if (operation !== kind || !new RegExp(pattern).test(path) || ++seen !== Number(nth)) return;
  await first?.();
  process.kill(process.pid, 'SIGKILL');
  await new Promise(() => undefined);
}

const { open, rename } = fs;
let patched = false;

fs.open = async (path, ...rest) => {
  const handle = await open(path, ...rest);
  paths.set(handle, String(path));
  if (patched) return handle;
  patched = true;
  const prototype = Object.getPrototypeOf(handle) as FileHandle;
  const { write, sync } = prototype;
  type Write = (bytes: Uint8Array, offset: number, length: number, position: number) => ReturnType<FileHandle['write']>;
  prototype.write = async function (this: FileHandle, ...[bytes, offset, length, position]: Parameters<Write>) {
    const half = () => (write as Write).call(this, bytes, offset, length >>> 1, position);
    await dieAt('write', paths.get(this) ?? '', half);
    return (write as Write).call(this, bytes, offset, length, position);
  } as FileHandle['write'];
  prototype.sync = async function () {
    await dieAt('sync', paths.get(this) ?? '');
    return sync.call(this);
  };
  return handle;
};

fs.rename = async (from, to) => {
  await dieAt('rename', String(to));
  await rename(from, to);
  await dieAt('renamed', String(to));
};

syncBuiltinESMExports();
