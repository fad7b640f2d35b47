import {
  type DataDescriptor,
  type FieldSpec,
  type JobSpec,
  type LoadedKernels,
  openData,
  sourceFingerprint,
} from '@lockstep/core/internal';
import type { Reduction } from '../memory/rounding.ts';
import type { OpenableData, WireJob } from '../protocol/encode-job.ts';
import { Replica } from '../replica/replica.ts';
import type { Rescued } from '../thread/rescue.ts';

type DataSource = Awaited<ReturnType<typeof openData>>;

export interface PlanOptions {
  readonly kernels: LoadedKernels;
  readonly threads: number;
  readonly limitBytes: number;
  readonly mergeShards: boolean;
  readonly reduce: Reduction;
  /** Told after compute threads died and were replaced. */
  readonly onRescue: (rescued: Rescued) => void;
  /** Whether this member owns slices: otherwise it holds parameters only. */
  readonly updates: boolean;
  /** Folder from which data may be read. */
  readonly dataRoot: string | undefined;
}

/** A job that is checked and laid out on this machine, with its data where it can be opened here. */
export interface PlannedJob {
  readonly spec: JobSpec;
  readonly digest: string;
  readonly replica: Replica;
  readonly train: DataSource | undefined;
  readonly test: DataSource | undefined;
}

export async function planJob(job: WireJob, digest: string, options: PlanOptions): Promise<PlannedJob> {
  const { spec } = job;
  const [train, test] = await Promise.all([
    openIfSame(job.train, options.dataRoot, spec.fields),
    openIfSame(job.test, options.dataRoot, spec.fields),
  ]);
  const replica = await Replica.start({ spec, ...options });
  return { spec, digest, replica, train, test };
}

/** Data that this machine has as well; undefined where the coordinator must send it. */
async function openIfSame(
  data: OpenableData | undefined,
  root: string | undefined,
  fields: readonly FieldSpec[],
): Promise<DataSource | undefined> {
  if (!data || fields.length === 0) return undefined;
  try {
    const source = await openData(data.descriptor satisfies DataDescriptor, { root });
    return (await sourceFingerprint(source)) === data.digest ? source : undefined;
  } catch {
    // Whatever is missing here, the coordinator has it.
    return undefined;
  }
}
