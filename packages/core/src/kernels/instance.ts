/** The kernels in one thread, bound to the run's memory. Addresses are bytes in that memory. */
export interface Kernels {
  /** Runs the tape of instructions from `pc` up to `end` (docs/kernels.md). */
  run(pc: number, end: number): void;
  /** Bytes of scratch that `matmul` needs, one such block per thread, whatever the shapes. */
  readonly matmulScratchBytes: number;
  readonly widened: boolean;
  /** Two narrow tiles or one wide one in `matmul`: a matter of speed, set right by `instantiateKernels`. The bits are the same. */
  setNarrowTiles(on: boolean): void;
}

interface Exports {
  run(pc: number, end: number): void;
  matmulScratchBytes(): number;
  setNarrowTiles(on: number): void;
}

/** The first page belongs to the kernels' static data; whoever shares out a memory starts here. */
export const firstFreeAddress = 65536;

const sectionName = 'lockstep.build';

export type Build = 'widened' | 'plain';

/**
 * The module's bytes with a custom section that says how it is compiled. It tells a thread that got the module what it is, and
 * it makes the two builds differ: V8 keeps compiled code by the bytes it came from, and would hand the one out as the other.
 */
export function tagBuild(bytes: Uint8Array, build: Build): Uint8Array<ArrayBuffer> {
  const contents = new TextEncoder().encode(`${String.fromCharCode(sectionName.length)}${sectionName}${build}`);
  const tagged = new Uint8Array(bytes.length + 2 + contents.length);
  tagged.set(bytes);
  tagged.set([0, contents.length], bytes.length); // section id 0: custom; both lengths fit in one LEB byte
  tagged.set(contents, bytes.length + 2);
  return tagged;
}

/** Binds the kernels to a shared memory of at least one page, in this thread. */
export function instantiateKernels(module: WebAssembly.Module, memory: WebAssembly.Memory): Kernels {
  const exports = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Exports;
  const [section] = WebAssembly.Module.customSections(module, sectionName);
  const widened = section !== undefined && new TextDecoder().decode(section) === ('widened' satisfies Build);
  const setNarrowTiles = (on: boolean): void => exports.setNarrowTiles(on ? 1 : 0);
  // x64 has 16 vector registers: unfused, the wide tile's 16 sums do not fit. arm64 has 32.
  setNarrowTiles(!widened && process.arch === 'x64');
  return { run: exports.run, matmulScratchBytes: exports.matmulScratchBytes() >>> 0, widened, setNarrowTiles };
}
