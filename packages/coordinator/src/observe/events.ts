import type { Reduction } from '@lockstep/worker/local';
import type { StragglerEvent, Waiting, WorkerJoinedEvent, WorkerLostEvent } from './cluster-events.ts';
import type { Mode, Placement } from './promise.ts';

/** What a run tells, one object per event: the rows of `--json` and the values of `for await (const event of run)`. */
export type RunEvent =
  | StartEvent
  | StepEvent
  | LayersEvent
  | EpochEvent
  | EvalEvent
  | CheckpointEvent
  | WarningEvent
  | WorkerJoinedEvent
  | WorkerLostEvent
  | StragglerEvent
  | DoneEvent;

export interface StartEvent {
  readonly type: 'start';
  readonly job: string;
  readonly parameters: number;
  readonly steps: number;
  /** The first step this process computes; above 0 after `--resume`. */
  readonly fromStep: number;
  readonly threads: number;
  readonly batch: { readonly size: number; readonly shards: number };
  readonly mode: Mode;
  /** Who owns the slices of the weights, where workers may join; absent on one machine. */
  readonly placement?: Placement;
  /** Whether sums of gradients are rounded to bfloat16 at each node of the tree. */
  readonly reduce: Reduction;
  /** What the mode promises about the bits, one sentence. */
  readonly promise: string;
  /** One sentence: widened or plain kernels, and why. */
  readonly kernels: string;
  readonly memoryBytes: number;
  readonly out: string | null;
  /** Where workers can join, `host:port`; absent where none can. */
  readonly address?: string;
}

export interface StepEvent {
  readonly type: 'step';
  /** Counts from 1: the number of finished updates. */
  readonly step: number;
  /** Mean over the batch; of the first phase that takes part in every step, where the job has phases. */
  readonly loss: number;
  /** Loss and metrics; `phase.loss` and so on where the job has phases, `penalty` where there are penalties; `staleness` in modes ssp and async. */
  readonly metrics: Readonly<Record<string, number>>;
  readonly learningRate: number;
  readonly gradientNorm: number;
  readonly samplesPerSecond: number;
}

/** What happens inside the model at a step, every `watchEvery` steps: norms that vanish or explode, outputs that saturate. */
export interface LayersEvent {
  readonly type: 'layers';
  readonly step: number;
  /** Where the job has phases. */
  readonly phase?: string;
  /** 2-norm of the mean loss' gradient by parameter, before clipping. */
  readonly gradientNorms: Readonly<Record<string, number>>;
  /** Mean and standard deviation of the output over batch and elements, by layer, in the order of the forward pass. */
  readonly activations: Readonly<Record<string, { readonly mean: number; readonly std: number }>>;
}

/** A pass over the training data ended; metrics are means over it. */
export interface EpochEvent {
  readonly type: 'epoch';
  readonly epoch: number;
  readonly step: number;
  readonly metrics: Readonly<Record<string, number>>;
}

/** `metrics` holds `loss` and the job's metrics over the whole test split. */
export interface EvalEvent {
  readonly type: 'eval';
  readonly step: number;
  readonly metrics: Readonly<Record<string, number>>;
}

export interface CheckpointEvent {
  readonly type: 'checkpoint';
  readonly step: number;
  readonly path: string;
  readonly digest: string;
}

export interface WarningEvent {
  readonly type: 'warning';
  readonly message: string;
  readonly step?: number;
  /** Where the run waits for workers. */
  readonly waiting?: Waiting;
}

export interface DoneEvent {
  readonly type: 'done';
  readonly steps: number;
  /** SHA-256 over all parameters' bytes in layout order. */
  readonly digest: string;
  readonly loss: number;
  readonly seconds: number;
  /** True where the run was stopped before its last step (signal); it can be resumed. */
  readonly interrupted: boolean;
  /** True where the test split's value no longer got better (`earlyStopping`). */
  readonly stoppedEarly: boolean;
  /** Bulk bytes that the coordinator sent to workers and received from them, where workers could join. */
  readonly traffic?: { readonly sentBytes: number; readonly receivedBytes: number };
  /** What was refused and changed nothing, by reason, where workers could join. */
  readonly refused?: Readonly<Record<string, number>>;
}
