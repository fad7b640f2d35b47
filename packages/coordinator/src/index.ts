export { CheckpointStore, type LoadedCheckpoint, loadCheckpoint, loadNewest } from './checkpoint/store.ts';
export type { Meeting } from './cli/meeting.ts';
export type { Reporter } from './cli/reporter.ts';
export { reporterFor } from './cli/reporter-for.ts';
export type { ClusterOptions } from './cluster/cluster-options.ts';
export { importJob } from './job/import-job.ts';
export type { StragglerEvent, WorkerJoinedEvent, WorkerLostEvent } from './observe/cluster-events.ts';
export type {
  CheckpointEvent,
  DoneEvent,
  EpochEvent,
  EvalEvent,
  RunEvent,
  StartEvent,
  StepEvent,
  WarningEvent,
} from './observe/events.ts';
export { chromeTrace, phaseTimes } from './observe/profile.ts';
export { type LoadedModel, loadModel, type PredictOptions } from './predict/load-model.ts';
export type { Prediction } from './predict/messages.ts';
export { type Run, type TrainOptions, type TrainResult, train } from './train.ts';
