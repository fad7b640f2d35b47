import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Subject } from './subject.ts';
import type { Work } from './works.ts';

/** A column of the results. */
export interface Contender {
  readonly label: string;
  /** Why it cannot take part on this machine, in words. */
  readonly missing: string | undefined;
  start(work: Work): Subject;
}

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

const lockstep = (threads: number): Contender => ({
  label: `Lockstep, ${inThreads(threads)}`,
  missing: undefined,
  start: ({ id }) => new Subject(process.execPath, [path('lockstep-subject.ts'), id, String(threads)]),
});

const inThreads = (threads: number): string => `${threads} thread${threads === 1 ? '' : 's'}`;

/** Debian's build for OpenMP: with the one for plain threads two are slower than one. */
const openblas = '/usr/lib/x86_64-linux-gnu/openblas-openmp';

/** The first Python that has PyTorch: Debian's package belongs to /usr/bin/python3, whatever else is in the path. */
const python = ['/usr/bin/python3', 'python3'].find((command) => {
  try {
    execFileSync(command, ['-c', 'import torch'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
});

function torch(vectors: 'AVX2' | 'AVX-512', threads: number): Contender {
  const env = {
    ATEN_CPU_CAPABILITY: vectors === 'AVX2' ? 'avx2' : 'avx512',
    OPENBLAS_CORETYPE: vectors === 'AVX2' ? 'Haswell' : 'SkylakeX',
    OMP_NUM_THREADS: String(threads),
    LD_LIBRARY_PATH: [openblas, process.env.LD_LIBRARY_PATH].filter(Boolean).join(':'),
  };
  return {
    label: `PyTorch ${vectors}, ${inThreads(threads)}`,
    missing:
      python === undefined ? 'no Python with torch here: apt-get install python3-torch libopenblas0-openmp' : undefined,
    start: ({ id }) => new Subject(python as string, [path('peers/torch-subject.py'), id, String(threads)], env),
  };
}

function npmPeer(label: string, file: string, ...args: string[]): Contender {
  return {
    label,
    missing: existsSync(path('peers/node_modules')) ? undefined : 'not installed: npm install --prefix bench/peers',
    start: ({ id }) => new Subject(process.execPath, [path(`peers/${file}`), id, ...args]),
  };
}

export const contenders: readonly Contender[] = [
  lockstep(1),
  lockstep(2),
  torch('AVX2', 1),
  torch('AVX2', 2),
  torch('AVX-512', 1),
  torch('AVX-512', 2),
  npmPeer('jax-js, 1 thread', 'jax-subject.ts', '1'),
  npmPeer('jax-js, 2 threads', 'jax-subject.ts', '2'),
  npmPeer('tfjs wasm', 'tfjs-subject.ts', 'wasm'),
  npmPeer('tfjs cpu', 'tfjs-subject.ts', 'cpu'),
];
