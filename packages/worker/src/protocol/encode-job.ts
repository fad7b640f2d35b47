import { createHash } from 'node:crypto';
import { create } from '@bufbuild/protobuf';
import type { DataDescriptor, JobSpec } from '@lockstep/core/internal';
import {
  DataDescriptorSchema,
  type DataDescriptor as DescriptorMessage,
  JobSchema,
} from '../gen/lockstep/v1/job_pb.ts';
import { AttributesSchema } from '../gen/lockstep/v1/program_pb.ts';
import { decode, encode, Malformed } from '../grpc/codec.ts';
import { fromAttributes, type PlainRecord, toAttributes } from './attributes.ts';
import { checkJob } from './check-job.ts';
import { fromJob, toJob } from './job-message.ts';
import { refuse } from './job-refusal.ts';
import { checkText } from './names.ts';

/** Data that workers can open by themselves, and the digest that says whether they got the same. */
export interface OpenableData {
  readonly descriptor: DataDescriptor;
  /** `sourceFingerprint` of it. */
  readonly digest: string;
}

export interface WireJob {
  readonly spec: JobSpec;
  readonly train?: OpenableData | undefined;
  readonly test?: OpenableData | undefined;
}

/** A job with its Programs; ResNet-20 has 300 KB. */
export const maxJobBytes = 256 * 2 ** 20;

/** Levels of messages in a job: an attribute of a node is 7 deep, and lists in it take two each. */
const recursionLimit = 40;

const toDescriptor = ({ descriptor, digest }: OpenableData): DescriptorMessage =>
  create(DataDescriptorSchema, {
    kind: descriptor.kind,
    options: create(AttributesSchema, { entries: toAttributes(descriptor.options as PlainRecord) }),
    files: [...descriptor.files],
    digest,
  });

function fromDescriptor(message: DescriptorMessage | undefined): OpenableData | undefined {
  if (!message) return undefined;
  const options = fromAttributes(message.options?.entries ?? [], 'an option of the data');
  for (const file of message.files) checkText(file, 'a file of the data');
  // Whether the kind is one that can be opened, and files that may be read, is for `openData` to say.
  const kind = message.kind as DataDescriptor['kind'];
  return {
    descriptor: { kind, options, files: message.files },
    digest: checkText(message.digest, 'the digest of the data'),
  };
}

/** The bytes that a worker pulls, the same for the same job. */
export function encodeJob({ spec, train, test }: WireJob): Uint8Array {
  const message = toJob(spec);
  if (train) message.trainData = toDescriptor(train);
  if (test) message.testData = toDescriptor(test);
  return encode(JobSchema, message);
}

/** Names a job, hexadecimal: what a worker has planned already need not travel again. */
export const jobDigest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/**
 * Reads and checks a job from the wire.
 *
 * @param limitBytes memory that the run may take
 * @throws JobRefusal, UsageError or MemoryLimitError: one sentence that says why it is not taken
 */
export function decodeJob(bytes: Uint8Array, limitBytes: number): WireJob {
  const message = decode(JobSchema, bytes, recursionLimit);
  if (message instanceof Malformed) refuse('the bytes of the job are none of a job');
  const spec = fromJob(message);
  checkJob(spec, limitBytes);
  return { spec, train: fromDescriptor(message.trainData), test: fromDescriptor(message.testData) };
}
