import { setFlagsFromString } from 'node:v8';
import { aloneInProcess } from './process-lock.ts';

/**
 * Widening: V8 can fuse neighbouring 128-bit vector operations into 256-bit ones (`--experimental-wasm-revectorize`). Each lane
 * does the same IEEE operations, so the bits are the same, and a matrix product runs about twice as fast. The flag is asked for
 * while one module is compiled and taken back at once; the rest of the process never sees it.
 */

const flag = 'experimental-wasm-revectorize';

const nodeMajor = Number(process.versions.node.split('.')[0]);

/** Node 22 takes the flag without effect. */
const firstMajor = 24;

/** The newest Node these flags were tried on. A combination that V8 does not expect ends the process, so later ones get none. */
const lastMajor = 26;

/**
 * The optimizing compiler at once, for every function: otherwise first calls would run baseline code, which is never fused. Inlining
 * is off because in Node 26 it insists on counts that only baseline code gathers, and aborts ("function_feedback" check failed);
 * Binaryen has inlined already. Node 22 does not know that flag.
 */
const eagerFlags: Readonly<Record<string, boolean>> = {
  liftoff: false,
  'wasm-lazy-compilation': false,
  'wasm-tier-up': false,
  ...(nodeMajor >= firstMajor ? { 'wasm-inlining': false } : {}),
};

/** V8's defaults of the flags above, in Node 22, 24 and 26. */
const defaults: Readonly<Record<string, boolean>> = {
  [flag]: false,
  liftoff: true,
  'wasm-lazy-compilation': true,
  'wasm-tier-up': true,
  'wasm-inlining': true,
};

/** Why widening must not be asked for here, in words; undefined where it may. `LOCKSTEP_WIDEN` is 0 for never, 1 to try a newer Node. */
export function whyNotWidened(): string | undefined {
  const wish = process.env.LOCKSTEP_WIDEN;
  if (wish === '0') return 'LOCKSTEP_WIDEN=0';
  // builds for other processors do not know the flag and print an error
  if (process.arch !== 'x64') return `V8 widens on x64 only, this is ${process.arch}`;
  if (nodeMajor < firstMajor) return `Node ${process.versions.node} cannot, ${firstMajor} and later can`;
  if (nodeMajor > lastMajor && wish !== '1') {
    return `not tried on Node ${process.versions.node} yet, LOCKSTEP_WIDEN=1 tries it`;
  }
  return undefined;
}

export function mayWiden(): boolean {
  return whyNotWidened() === undefined;
}

/**
 * Compiles a module with the optimizing compiler, widened or not. The code goes with the module to other threads. V8's flags are those of the
 * process, so threads take turns.
 */
export function compileEagerly(bytes: Uint8Array<ArrayBuffer>, widen: boolean): WebAssembly.Module {
  if (!widen && nodeMajor > lastMajor) return new WebAssembly.Module(bytes);
  return aloneInProcess(() => compileWithFlags(bytes, widen));
}

function compileWithFlags(bytes: Uint8Array<ArrayBuffer>, widen: boolean): WebAssembly.Module {
  const flags = Object.entries(widen ? { ...eagerFlags, [flag]: true } : eagerFlags);
  for (const [name, on] of flags) setFlag(name, on);
  try {
    return new WebAssembly.Module(bytes);
  } finally {
    for (const [name] of flags) setFlag(name, startValue(name));
  }
}

function setFlag(name: string, on: boolean): void {
  setFlagsFromString(on ? `--${name}` : `--no-${name}`);
}

/** What a flag was when the process started: as among its options, else V8's default. V8 takes `_` for `-`, and `--noflag`. */
export function startValue(name: string, options: readonly string[] = startOptions()): boolean {
  const forms = new Map([
    [`--${name}`, true],
    [`--no-${name}`, false],
    [`--no${name}`, false],
  ]);
  const last = options.map((option) => option.replaceAll('_', '-')).findLast((option) => forms.has(option));
  return last === undefined ? defaults[name]! : forms.get(last)!;
}

function startOptions(): string[] {
  return [...(process.env.NODE_OPTIONS ?? '').split(/\s+/), ...process.execArgv];
}
