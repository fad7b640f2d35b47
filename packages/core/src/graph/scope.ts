import type { Tensor } from './tensor.ts';

/** See `Buffer.update` in nn. */
export interface BufferUpdate {
  readonly total: Tensor;
  readonly weight: Tensor;
  readonly momentum: number;
}

/**
 * Where in the model ops are being added: a stack of module paths, and whether a step is being traced (then values of
 * tensors do not exist yet, and dropout may ask which number it has). Tracing is synchronous, so one variable is enough.
 */
export interface Trace {
  /** What moves the model's buffers after the step. */
  readonly bufferUpdates: Map<Tensor, BufferUpdate>;
  /** Outputs of the layers by path, where they are watched. */
  readonly activations: Map<string, Tensor>;
  /** False while an evaluation or prediction Program is traced: dropout is the identity then. */
  readonly training: boolean;
  /** How often each path asked for randomness, so that every use has its own counter. */
  readonly uses: Map<string, number>;
}

let trace: Trace | undefined;
let path = '';

export const currentPath = (): string => path;
export const currentTrace = (): Trace | undefined => trace;

export function withPath<T>(next: string, run: () => T): T {
  const previous = path;
  path = next;
  try {
    return run();
  } finally {
    path = previous;
  }
}

export function withTrace<T>(training: boolean, run: () => T): T {
  const previous = trace;
  trace = { training, uses: new Map(), bufferUpdates: new Map(), activations: new Map() };
  try {
    return run();
  } finally {
    trace = previous;
  }
}

/** The path of the current layer with a running number: the identity of one random op in a trace. */
export function nextRandomPath(kind: string): string {
  const uses = trace?.uses;
  const name = `${path}/${kind}`;
  const count = uses?.get(name) ?? 0;
  uses?.set(name, count + 1);
  return `${name}#${count}`;
}
