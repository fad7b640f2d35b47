import { productsFirst } from './products-first.ts';
import { unrolled } from './unrolled.ts';
import { upperHalfFirst } from './upper-half-first.ts';

/** A kernel's source as it is compiled: what reads well and what V8 makes fast code of are not the same order of lines. */
export function kernelSource(source: string): string {
  return upperHalfFirst(productsFirst(unrolled(source)));
}
