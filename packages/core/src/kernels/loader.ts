import { LockstepError } from '../errors.ts';
import { firstFreeAddress, instantiateKernels, tagBuild } from './instance.ts';
import { kernelsHash, readKernelBytes } from './kernels-hash.ts';
import { measureTiles, selfTest, selfTestBytes } from './self-test.ts';
import { compileEagerly, mayWiden, whyNotWidened } from './widening.ts';

/** The kernels, compiled once; the module goes to the compute threads by `postMessage`, its machine code with it. */
export interface LoadedKernels {
  readonly module: WebAssembly.Module;
  /** Whether V8 fused the 128-bit vectors into 256-bit ones. Changes the speed and no bit. */
  readonly widened: boolean;
  /** Why not, in words, where they are not widened. */
  readonly reason: string | undefined;
  /** SHA-256 of the built kernels. */
  readonly hash: string;
}

/** By whether widening was wished for. Kept because V8 takes milliseconds to compile, and threads may ask again. */
const loaded = new Map<boolean, LoadedKernels>();

/**
 * Compiles the kernels, widened where this machine can (`widen: false` asks for the plain build). What V8 made is run against known
 * answers, and timed, since accepting the flag proves nothing; where either fails the plain build is taken.
 *
 * @throws LockstepError when the plain build, too, gives other bits than it must
 */
export function loadKernelModule(options: { widen?: boolean } = {}): LoadedKernels {
  const wish = options.widen ?? true;
  const known = loaded.get(wish);
  if (known) return known;
  const result = load(wish);
  loaded.set(wish, result);
  return result;
}

function load(wish: boolean): LoadedKernels {
  const bytes = readKernelBytes();
  const hash = kernelsHash(bytes);
  let reason = wish ? whyNotWidened() : 'not asked for';
  if (wish && mayWiden()) {
    const module = compileEagerly(tagBuild(bytes, 'widened'), true);
    const verdict = tryModule(module);
    if (verdict.correct && verdict.wideIsFaster) return { module, widened: true, reason: undefined, hash };
    reason = verdict.correct ? 'this V8 takes the flag without effect' : 'this V8 widens them to other bits';
  }
  const module = compileEagerly(tagBuild(bytes, 'plain'), false);
  if (!tryModule(module).correct) {
    throw new LockstepError(
      `the WebAssembly kernels (${hash.slice(0, 12)}) give other bits on this machine than they must: ` +
        `Node ${process.versions.node} on ${process.arch} cannot take part in a reproducible run; try another version of Node.`,
    );
  }
  return { module, widened: false, reason, hash };
}

/** Runs a module on a small memory of its own. */
function tryModule(module: WebAssembly.Module): { correct: boolean; wideIsFaster: boolean } {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1024, shared: true });
  const kernels = instantiateKernels(module, memory);
  memory.grow(Math.ceil(selfTestBytes(kernels) / 65536));
  return {
    correct: selfTest(kernels, memory, firstFreeAddress),
    wideIsFaster: measureTiles(kernels, memory, firstFreeAddress) > 1,
  };
}

/** One sentence for a run's start: which kernels are in use, and why they are not widened where they are not. */
export function describeKernels({ widened, reason, hash }: LoadedKernels): string {
  const vectors = widened ? '256-bit vectors (widened by V8)' : `128-bit vectors (not widened: ${reason})`;
  return `WebAssembly kernels ${hash.slice(0, 12)} with ${vectors}.`;
}
