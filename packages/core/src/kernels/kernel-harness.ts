import { firstFreeAddress, instantiateKernels, type Kernels, tagBuild } from './instance.ts';
import { readKernelBytes } from './kernels-hash.ts';
import { type KernelName, opcode } from './opcodes.ts';
import { compileEagerly, mayWiden } from './widening.ts';

/** An argument of a kernel that travels as the bits of a float; plain numbers travel as integers or addresses. */
export interface F32Argument {
  readonly bits: number;
}

const converter = new DataView(new ArrayBuffer(4));

export function f32(value: number): F32Argument {
  converter.setFloat32(0, value);
  return { bits: converter.getUint32(0) };
}

/** Calls single kernels on a memory of its own: for the tests and benchmarks of the kernels. Addresses are bytes. */
export interface KernelHarness {
  readonly kernels: Kernels;
  readonly memory: WebAssembly.Memory;
  /** Whether V8 was asked to fuse the vectors of this harness' kernels. */
  readonly widened: boolean;
  /** Scratch for `matmul`. */
  readonly scratch: number;
  /** A zeroed buffer of `floats` 4-byte elements on a 64-byte boundary; it is never freed. */
  alloc(floats: number): number;
  /** A buffer holding these floats. */
  f32(values: ArrayLike<number>): number;
  /** A buffer holding these integers, signed or unsigned. */
  i32(values: ArrayLike<number>): number;
  /** A buffer holding these bytes. */
  u8(values: ArrayLike<number>): number;
  /** Writes one instruction and runs it. */
  call(name: KernelName, ...args: (number | F32Argument)[]): void;
  /** Writes a tape of instructions and runs it in one call. */
  tape(instructions: readonly (readonly [KernelName, ...(number | F32Argument)[]])[]): void;
  /** A copy of `floats` floats at `address`. */
  read(address: number, floats: number): Float32Array;
  readI32(address: number, words: number): Int32Array;
  readU32(address: number, words: number): Uint32Array;
  readF64(address: number, doubles: number): Float64Array;
}

const pageBytes = 65536;

export function createHarness(options: { widen?: boolean } = {}): KernelHarness {
  const memory = new WebAssembly.Memory({ initial: 256, maximum: 65536, shared: true });
  const widened = (options.widen ?? true) && mayWiden();
  // not by the loader: kernels under test may well fail its self-test
  const module = compileEagerly(tagBuild(readKernelBytes(), widened ? 'widened' : 'plain'), widened);
  const kernels = instantiateKernels(module, memory);
  let next = firstFreeAddress;

  const allocBytes = (bytes: number): number => {
    const address = next;
    next += Math.ceil(Math.max(bytes, 1) / 64) * 64;
    const missing = next - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / pageBytes));
    return address;
  };
  const tapeBytes = 16 * 1024;
  const tapeAt = allocBytes(tapeBytes);
  const scratch = allocBytes(kernels.matmulScratchBytes);

  const tape: KernelHarness['tape'] = (instructions) => {
    const words = new Uint32Array(memory.buffer, tapeAt, tapeBytes / 4);
    let at = 0;
    for (const [name, ...args] of instructions) {
      if (at + args.length + 2 > words.length) throw new RangeError(`a harness tape holds ${tapeBytes} bytes`);
      words[at++] = opcode[name];
      words[at++] = (args.length + 2) * 4;
      for (const arg of args) words[at++] = typeof arg === 'number' ? arg : arg.bits;
    }
    kernels.run(tapeAt, tapeAt + at * 4);
  };

  return {
    kernels,
    memory,
    widened,
    scratch,
    tape,
    alloc: (floats) => allocBytes(floats * 4),
    f32: (values) => {
      const address = allocBytes(values.length * 4);
      new Float32Array(memory.buffer, address, values.length).set(values);
      return address;
    },
    i32: (values) => {
      const address = allocBytes(values.length * 4);
      new Int32Array(memory.buffer, address, values.length).set(values);
      return address;
    },
    u8: (values) => {
      const address = allocBytes(values.length);
      new Uint8Array(memory.buffer, address, values.length).set(values);
      return address;
    },
    call: (name, ...args) => tape([[name, ...args]]),
    read: (address, floats) => new Float32Array(memory.buffer, address, floats).slice(),
    readI32: (address, words) => new Int32Array(memory.buffer, address, words).slice(),
    readU32: (address, words) => new Uint32Array(memory.buffer, address, words).slice(),
    readF64: (address, doubles) => new Float64Array(memory.buffer, address, doubles).slice(),
  };
}
