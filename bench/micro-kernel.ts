import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';
import { compileEagerly, mayWiden } from '../packages/core/src/kernels/widening.ts';
import { kernelSource } from '../scripts/kernel-source.ts';
import { keepSourceOrder } from '../scripts/source-order.ts';

const kernels = fileURLToPath(new URL('../packages/core/kernels', import.meta.url));
const source = `
import { tile4x16 } from './matmul-tiles';
export function tiles(count: i32, k: i32, a: usize, b: usize, c: usize): void {
  for (let i = 0; i < count; i++) tile4x16(k, a, b, c, 64, c, 64);
}`;

/** GFLOP/s of matmul's inner tile by itself, on one thread: its operands (20 KiB) never leave the first-level cache, and nothing is packed. */
export async function microKernelPeak(ms = 300): Promise<number> {
  keepSourceOrder();
  let binary: Uint8Array<ArrayBuffer> | undefined;
  const { error } = await asc.main(
    [
      'tiles.ts',
      '--baseDir',
      kernels,
      '--outFile',
      'tiles.wasm',
      '-O3',
      '--noAssert',
      '--runtime',
      'stub',
      '--enable',
      'simd',
    ],
    {
      readFile: (name, baseDir) => (name === 'tiles.ts' ? source : readOrNull(resolve(baseDir, name))),
      writeFile: (name, contents) => {
        if (name === 'tiles.wasm') binary = Uint8Array.from(contents as Uint8Array);
      },
      listFiles: () => [],
    },
  );
  if (error || !binary) throw new Error(`the micro-kernel does not compile: ${error?.message}`);
  const { exports } = new WebAssembly.Instance(compileEagerly(binary, mayWiden()), { env: { abort: () => undefined } });
  const { tiles, memory } = exports as { tiles: (...args: number[]) => void; memory: WebAssembly.Memory };
  memory.grow(4);
  // Pages that were never written all show the same page of zeros, which the first-level cache is slow to tell apart.
  new Float32Array(memory.buffer).fill(0.5);
  const [k, count] = [256, 2000];
  const flops = 2 * 4 * 16 * k * count;
  let best = 0;
  for (const end = performance.now() + ms; performance.now() < end; ) {
    const start = performance.now();
    tiles(count, k, 65536, 81920, 131072);
    best = Math.max(best, flops / (performance.now() - start) / 1e6);
  }
  return best;
}

function readOrNull(path: string): string | null {
  try {
    return kernelSource(readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
}
