import { firstFreeAddress } from '../kernels/instance.ts';
import { ArenaAllocator } from './arena.ts';

/** Gives out the addresses of a memory that is made afterwards, one behind the other: for a plan that is replayed in one thread. */
export class AddressSpace {
  #end = firstFreeAddress;

  reserve(bytes: number): number {
    const address = this.#end;
    this.#end += ArenaAllocator.round(bytes);
    return address;
  }

  /** An address for each name. */
  reserveAll(sizes: Readonly<Record<string, number>>): Record<string, number> {
    return Object.fromEntries(Object.entries(sizes).map(([name, bytes]) => [name, this.reserve(bytes)]));
  }

  /** A memory with room for all that is reserved. */
  createMemory(): WebAssembly.Memory {
    const pages = Math.ceil(this.#end / 65536);
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  }
}
