import type { ParameterLayout } from '@lockstep/core/internal';
import {
  BufferSink,
  type Compression,
  compressedLimitBytes,
  encodings,
  type Sink,
  SumsDecoder,
  type TreeNode,
  type VectorFormat,
  vectorSink,
} from '@lockstep/worker';

/** How the vector of a node comes in. */
export interface Intake {
  readonly sink: Sink;
  /** All of it is here. @throws FormatError where it is none */
  complete(): void;
}

/** @param into to be filled */
export type IntakeOf = (into: Float32Array, node: TreeNode) => Intake;

/** As it is. */
export const plainIntake =
  (format: VectorFormat): IntakeOf =>
  (into) => ({ sink: vectorSink(into, format), complete: () => undefined });

/** As compressed bytes. */
export function bytesIntake(
  { kind }: Compression,
  decode: (bytes: Uint8Array, into: Float32Array, node: TreeNode) => void,
): IntakeOf {
  return (into, node) => {
    const sink = new BufferSink(compressedLimitBytes(into.length), [encodings[kind]]);
    return { sink, complete: () => decode(sink.bytes, into, node) };
  };
}

/** Gradients from which something was left out. */
export function compressedIntake(compression: Compression, layout: ParameterLayout): IntakeOf {
  const decoder = new SumsDecoder(compression, layout);
  return bytesIntake(compression, (bytes, into) => decoder.decode(bytes, into));
}
