import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

// Preloaded into every thread of a process (`node --import`): it sends itself SIGKILL at a change of the disk. DIE_AT says at which:
// `write|sync|rename|renamed PATTERN N` is the N-th operation on a path that matches; of a write, half was done; `renamed` is a moment later.
// Plain JavaScript: Node crashes now and then where a thread is terminated while it reads TypeScript.

const [kind, pattern, nth] = (process.env.DIE_AT ?? '').split(' ');
const paths = new WeakMap();
let seen = 0;

async function dieAt(operation, path, first = async () => undefined) {
  if (operation !== kind || !new RegExp(pattern).test(path) || ++seen !== Number(nth)) return;
  await first();
  process.kill(process.pid, 'SIGKILL');
  await new Promise(() => undefined);
}

const { open, rename } = fs;

/** Handles have one prototype, which only a handle tells. */
function patch(prototype) {
  const { write, sync } = prototype;
  prototype.write = async function (bytes, offset, length, position) {
    await dieAt('write', paths.get(this) ?? '', () => write.call(this, bytes, offset, length >>> 1, position));
    return write.call(this, bytes, offset, length, position);
  };
  prototype.sync = async function () {
    await dieAt('sync', paths.get(this) ?? '');
    return sync.call(this);
  };
}

let patched = false;
fs.open = async (path, ...rest) => {
  const handle = await open(path, ...rest);
  paths.set(handle, String(path));
  if (!patched) patch(Object.getPrototypeOf(handle));
  patched = true;
  return handle;
};

fs.rename = async (from, to) => {
  await dieAt('rename', String(to));
  await rename(from, to);
  await dieAt('renamed', String(to));
};

syncBuiltinESMExports();
