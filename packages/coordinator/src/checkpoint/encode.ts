import {
  decodeSafetensors,
  FormatError,
  type JobSpec,
  type ParameterLayout,
  parameterDigest,
  safetensorsChunks,
  sha256Hex,
  valuesOf,
} from '@lockstep/core/internal';
import type { TrainingState } from '@lockstep/worker/local';
import type { RunIdentity } from './state.ts';

export const files = {
  weights: 'model.safetensors',
  optimizer: 'optimizer.safetensors',
  model: 'model.json',
  manifest: 'manifest.json',
} as const;

/** Everything to go on from, besides the tensors. */
export interface Manifest {
  readonly format: 'lockstep-checkpoint';
  readonly version: 1;
  readonly step: number;
  readonly identity: RunIdentity;
  readonly digest: string;
  /** Loss on the test split, where it was evaluated at this step. */
  readonly evalLoss: number | null;
  /** Doubles as shortest text that reads back to the same bits. */
  readonly counters: Readonly<Record<string, readonly number[]>>;
  readonly optimizerVectors: readonly string[];
  /** SHA-256 of the other files. */
  readonly sha256: Readonly<Record<string, string>>;
}

/** As stored: the manifest vouches for itself as well. */
interface StoredManifest extends Manifest {
  /** SHA-256 of the rest of the manifest as JSON. */
  readonly self: string;
}

const selfHash = (manifest: Manifest): string => sha256Hex(JSON.stringify(manifest));

/** What prediction needs, so that it needs no job file. */
export type ModelDescription = Pick<
  JobSpec,
  'name' | 'numericsVersion' | 'layout' | 'fields' | 'predict' | 'predictFields'
>;

export const describeModel = ({
  name,
  numericsVersion,
  layout,
  fields,
  predict,
  predictFields,
}: JobSpec): ModelDescription => ({
  name,
  numericsVersion,
  layout,
  fields,
  predict,
  predictFields,
});

/**
 * The files of a checkpoint in pieces, which are the state's own memory where there is much of it; the manifest last: it vouches for the others; and the
 * digest of the parameters.
 */
export function encodeCheckpoint(
  state: TrainingState,
  identity: RunIdentity,
  model: ModelDescription,
  evalLoss: number | undefined,
): { digest: string; contents: Map<string, readonly Uint8Array[]> } {
  const { layout } = model;
  const digest = parameterDigest(layout, state.parameters);
  const contents = new Map<string, readonly Uint8Array[]>([
    [files.weights, fewer(safetensorsChunks(tensors(layout, { '': state.parameters }), { digest }))],
    [files.optimizer, fewer(safetensorsChunks(tensors(layout, state.optimizer)))],
    [files.model, [json(model)]],
  ]);
  const manifest: Manifest = {
    format: 'lockstep-checkpoint',
    version: 1,
    step: state.step,
    identity,
    digest,
    evalLoss: evalLoss ?? null,
    counters: state.counters,
    optimizerVectors: Object.keys(state.optimizer),
    sha256: Object.fromEntries([...contents].map(([name, pieces]) => [name, sha256Hex(...pieces)])),
  };
  contents.set(files.manifest, [json({ ...manifest, self: selfHash(manifest) } satisfies StoredManifest)]);
  return { digest, contents };
}

/** Bytes up to which a file is put together and written at once. */
const smallFile = 1 << 20;

function fewer(pieces: readonly Uint8Array[]): readonly Uint8Array[] {
  return pieces.reduce((sum, { length }) => sum + length, 0) > smallFile ? pieces : [Buffer.concat(pieces)];
}

const json = (value: unknown): Uint8Array => new TextEncoder().encode(`${JSON.stringify(value, null, 1)}\n`);

function tensors(layout: ParameterLayout, vectors: Readonly<Record<string, Float32Array>>) {
  return Object.entries(vectors).flatMap(([vector, values]) =>
    layout.entries.map(({ name, shape, offset, size }) => ({
      name: vector ? `${vector}.${name}` : name,
      dtype: 'F32' as const,
      shape,
      data: values.subarray(offset, offset + size) as Float32Array<ArrayBuffer>,
    })),
  );
}

export interface DecodedCheckpoint {
  readonly state: TrainingState;
  readonly manifest: Manifest;
  readonly model: ModelDescription;
}

/** Reads a checkpoint's files; every hash is checked before anything is used. @throws FormatError */
export function decodeCheckpoint(contents: ReadonlyMap<string, Uint8Array>, source: string): DecodedCheckpoint {
  try {
    return decode(contents, source);
  } catch (error) {
    if (error instanceof FormatError) throw error;
    // Hashes are no secret: what was written to deceive gets here.
    throw new FormatError(`${source} is damaged (${(error as Error).message}); use an older checkpoint.`);
  }
}

function decode(contents: ReadonlyMap<string, Uint8Array>, source: string): DecodedCheckpoint {
  const { self, ...manifest } = parse<StoredManifest>(contents, files.manifest, source);
  if (manifest.format !== 'lockstep-checkpoint' || manifest.version !== 1) {
    throw new FormatError(`${source} is not a checkpoint of this version of Lockstep.`);
  }
  if (self !== selfHash(manifest))
    throw new FormatError(`${source}: ${files.manifest} is damaged; use an older checkpoint.`);
  for (const name of [files.weights, files.optimizer, files.model]) {
    const bytes = contents.get(name);
    if (!bytes || sha256Hex(bytes) !== manifest.sha256?.[name]) {
      throw new FormatError(`${source}: ${name} is ${bytes ? 'damaged' : 'missing'}; use an older checkpoint.`);
    }
  }
  if (!Number.isSafeInteger(manifest.step) || manifest.step < 0)
    throw new FormatError(`${source}: its step is ${manifest.step}; use an older checkpoint.`);
  const model = parse<ModelDescription>(contents, files.model, source);
  const read = (file: string, prefix: string) =>
    vectorFrom(contents.get(file) as Uint8Array, model.layout, prefix, `${source}/${file}`);
  const state: TrainingState = {
    step: manifest.step,
    parameters: read(files.weights, ''),
    optimizer: Object.fromEntries(
      manifest.optimizerVectors.map((vector) => [vector, read(files.optimizer, `${vector}.`)]),
    ),
    counters: manifest.counters,
  };
  if (parameterDigest(model.layout, state.parameters) !== manifest.digest) {
    throw new FormatError(`${source}: the weights do not have the digest of the manifest; use an older checkpoint.`);
  }
  return { state, manifest, model };
}

function parse<T>(contents: ReadonlyMap<string, Uint8Array>, name: string, source: string): T {
  const bytes = contents.get(name);
  if (!bytes) throw new FormatError(`${source}: ${name} is missing.`);
  try {
    const value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as T;
    if (typeof value !== 'object' || value === null) throw new Error('not an object');
    return value;
  } catch {
    throw new FormatError(`${source}: ${name} is damaged; use an older checkpoint.`);
  }
}

/** The flat vector from named tensors; each must be there with the shape of the layout. */
export function vectorFrom(bytes: Uint8Array, layout: ParameterLayout, prefix: string, source: string): Float32Array {
  const { tensors: stored } = decodeSafetensors(bytes, source);
  const values = new Float32Array(layout.length);
  for (const { name, shape, offset } of layout.entries) {
    const tensor = stored.get(prefix + name);
    if (!tensor) throw new FormatError(`${source} has no tensor "${prefix}${name}": it belongs to another model.`);
    if (tensor.dtype !== 'F32' || tensor.shape.join() !== shape.join()) {
      throw new FormatError(
        `${source}: tensor "${prefix}${name}" is ${tensor.dtype} [${tensor.shape.join(', ')}], the model has F32 [${shape.join(', ')}].`,
      );
    }
    values.set(valuesOf(tensor) as Float32Array, offset);
  }
  return values;
}
