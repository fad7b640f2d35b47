import { create } from '@bufbuild/protobuf';
import type { PhaseSpec } from '@lockstep/core/internal';
import {
  ActivationSchema,
  BufferSchema,
  type JobPhase,
  JobPhaseSchema,
  OptimizerGroupSchema,
  OptimizerSchema,
  PenaltySchema,
} from '../gen/lockstep/v1/job_pb.ts';
import { refuse } from './job-refusal.ts';
import { fromProgram, toProgram } from './program-message.ts';

export const toPhase = (phase: PhaseSpec): JobPhase =>
  create(JobPhaseSchema, {
    name: phase.name,
    every: phase.every,
    program: toProgram(phase.program),
    metrics: [...phase.metrics],
    optimizer: create(OptimizerSchema, {
      kernel: phase.optimizer.kernel,
      vectors: [...phase.optimizer.vectors],
      groups: phase.optimizer.groups.map(({ parameters, rates, options, vectors }) =>
        create(OptimizerGroupSchema, {
          parameters: [...parameters],
          rates: [...rates],
          options: [...options],
          vectors: [...vectors],
        }),
      ),
    }),
    ...(phase.clipNorm !== null && { clipNorm: phase.clipNorm }),
    ...(phase.clipValue !== null && { clipValue: phase.clipValue }),
    penalties: phase.penalties.map(({ parameters, l1, l2 }) =>
      create(PenaltySchema, { parameters: [...parameters], l1, l2 }),
    ),
    buffers: phase.buffers.map((buffer) => create(BufferSchema, buffer)),
    activations: phase.activations.map((activation) => create(ActivationSchema, activation)),
  });

/** @throws JobRefusal where a part is missing */
export function fromPhase(message: JobPhase): PhaseSpec {
  const { program, optimizer } = message;
  if (!program || !optimizer) refuse(`phase "${message.name}" lacks its program or its optimizer`);
  return {
    name: message.name,
    every: message.every,
    program: fromProgram(program),
    metrics: message.metrics,
    optimizer: {
      // Whether it is one of an optimizer's kernels is for `checkOptimizer` to say.
      kernel: optimizer.kernel as PhaseSpec['optimizer']['kernel'],
      vectors: optimizer.vectors,
      groups: optimizer.groups.map(({ parameters, rates, options, vectors }) => ({
        parameters,
        rates: [rates[0] ?? Number.NaN, rates[1] ?? Number.NaN],
        options,
        vectors,
      })),
    },
    clipNorm: message.clipNorm ?? null,
    clipValue: message.clipValue ?? null,
    penalties: message.penalties.map(({ parameters, l1, l2 }) => ({ parameters, l1, l2 })),
    buffers: message.buffers.map(({ name, momentum, weight }) => ({ name, momentum, weight })),
    activations: message.activations.map(({ name, index, elementsPerSample }) => ({ name, index, elementsPerSample })),
  };
}
