import { create } from '@bufbuild/protobuf';
import type { FieldSpec, JobSpec } from '@lockstep/core/internal';
import {
  EarlyStoppingSchema,
  type Field,
  FieldSchema,
  type Job,
  JobSchema,
  LayoutEntrySchema,
  LayoutSchema,
  NonFinite,
} from '../gen/lockstep/v1/job_pb.ts';
import { refuse } from './job-refusal.ts';
import { fromPhase, toPhase } from './phase-message.ts';
import { fromDtype, fromProgram, toDtype, toProgram } from './program-message.ts';

const toField = ({ name, dtype, shape }: FieldSpec): Field =>
  create(FieldSchema, { name, dtype: toDtype(dtype), shape: [...shape] });

const fromField = ({ name, dtype, shape }: Field): FieldSpec => ({
  name,
  dtype: fromDtype(dtype, `field "${name}"`),
  shape,
});

/** A traced job as a message, but for the Program that predicts: no worker does. */
export const toJob = (spec: JobSpec): Job =>
  create(JobSchema, {
    name: spec.name,
    numericsVersion: spec.numericsVersion,
    seed: spec.seed,
    batchSize: spec.batch.size,
    shards: spec.batch.shards,
    steps: spec.steps,
    trainLength: spec.trainLength,
    sequential: spec.sequential,
    testLength: spec.testLength,
    layout: create(LayoutSchema, {
      entries: spec.layout.entries.map(({ name, shape, offset, size }) =>
        create(LayoutEntrySchema, { name, shape: [...shape], offset, size }),
      ),
      trained: spec.layout.trained,
      length: spec.layout.length,
    }),
    fields: spec.fields.map(toField),
    scalars: [...spec.scalars],
    phases: spec.phases.map(toPhase),
    evaluate: toProgram(spec.evaluate),
    evaluateMetrics: [...spec.evaluateMetrics],
    gathered: spec.gathered.map(toField),
    hostMetrics: [...spec.hostMetrics],
    mixesSamples: spec.mixesSamples,
    ...(spec.ema !== null && { ema: spec.ema }),
    ...(spec.earlyStopping && {
      earlyStopping: create(EarlyStoppingSchema, {
        monitor: spec.earlyStopping.monitor,
        maximise: spec.earlyStopping.mode === 'max',
        patience: spec.earlyStopping.patience,
        minDelta: spec.earlyStopping.minDelta,
      }),
    }),
    followsEvaluations: spec.followsEvaluations,
    watchEvery: spec.watchEvery,
    nonFinite: spec.nonFinite === 'skip' ? NonFinite.SKIP : NonFinite.STOP,
    evalEvery: spec.evalEvery,
    checkpointEvery: spec.checkpointEvery,
    keepLast: spec.keep.last,
    keepBest: spec.keep.best,
    dataDigest: spec.dataDigest,
  });

/** The job as it was; `checkJob` says whether it can be run. @throws JobRefusal where a part is missing */
export function fromJob(message: Job): JobSpec {
  const { layout, evaluate, earlyStopping } = message;
  if (!layout || !evaluate) refuse('the job lacks its layout or its evaluation');
  return {
    name: message.name,
    numericsVersion: message.numericsVersion,
    seed: message.seed,
    batch: { size: message.batchSize, shards: message.shards },
    steps: message.steps,
    trainLength: message.trainLength,
    sequential: message.sequential,
    testLength: message.testLength,
    layout: {
      entries: layout.entries.map(({ name, shape, offset, size }) => ({ name, shape, offset, size })),
      trained: layout.trained,
      length: layout.length,
    },
    fields: message.fields.map(fromField),
    scalars: message.scalars,
    phases: message.phases.map(fromPhase),
    evaluate: fromProgram(evaluate),
    predict: null,
    predictFields: [],
    evaluateMetrics: message.evaluateMetrics,
    gathered: message.gathered.map(fromField),
    hostMetrics: message.hostMetrics,
    mixesSamples: message.mixesSamples,
    ema: message.ema ?? null,
    earlyStopping: earlyStopping
      ? {
          monitor: earlyStopping.monitor,
          mode: earlyStopping.maximise ? 'max' : 'min',
          patience: earlyStopping.patience,
          minDelta: earlyStopping.minDelta,
        }
      : null,
    followsEvaluations: message.followsEvaluations,
    watchEvery: message.watchEvery,
    nonFinite: message.nonFinite === NonFinite.SKIP ? 'skip' : 'stop',
    evalEvery: message.evalEvery,
    checkpointEvery: message.checkpointEvery,
    keep: { last: message.keepLast, best: message.keepBest },
    dataDigest: message.dataDigest,
  };
}
