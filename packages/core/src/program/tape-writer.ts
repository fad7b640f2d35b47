import type { KernelArgument } from '../graph/op.ts';
import { type KernelName, opcode } from '../kernels/opcodes.ts';

const bits = new DataView(new ArrayBuffer(4));

/** Writes instructions `[opcode, byteLength, arguments...]` as 32-bit words (docs/kernels.md). */
export class TapeWriter {
  readonly #words: number[] = [];

  kernel(name: KernelName, ...args: readonly KernelArgument[]): void {
    this.#words.push(opcode[name], (2 + args.length) * 4);
    for (const argument of args)
      this.#words.push(typeof argument === 'number' ? argument >>> 0 : f32Bits(argument.f32));
  }

  /** Takes over instructions written elsewhere. */
  append(words: Uint32Array): void {
    for (const word of words) this.#words.push(word);
  }

  finish(): Uint32Array {
    return Uint32Array.from(this.#words);
  }
}

function f32Bits(value: number): number {
  bits.setFloat32(0, value, true);
  return bits.getUint32(0, true);
}
