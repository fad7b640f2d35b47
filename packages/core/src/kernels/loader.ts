import { readKernelBytes } from './kernels-hash.ts';
import { compileEagerly } from './widening.ts';
export interface Kernels { run(pc: number, end: number): void; readonly matmulScratchBytes: number; setNarrowTiles(on: boolean): void; preferPlainTiles(): void }
function tag(bytes: Uint8Array, t: string): Uint8Array<ArrayBuffer> {
  const n = Buffer.from('lockstep.build'); const v = Buffer.from(t);
  const sec = Buffer.concat([Buffer.from([0, 1 + n.length + v.length, n.length]), n, v]);
  return new Uint8Array(Buffer.concat([bytes, sec]));
}
export function loadKernelModule(o: { widen?: boolean } = {}) {
  const w = o.widen !== false;
  return { module: compileEagerly(tag(readKernelBytes(), w ? 'widened' : 'plain'), w), widened: w };
}
export function instantiateKernels(module: WebAssembly.Module, memory: WebAssembly.Memory): Kernels {
  const e = new WebAssembly.Instance(module, { env: { memory } }).exports as any;
  return { run: e.run, matmulScratchBytes: e.matmulScratchBytes(), setNarrowTiles: (b) => e.setNarrowTiles(b ? 1 : 0), preferPlainTiles: () => e.setNarrowTiles(1) };
}
