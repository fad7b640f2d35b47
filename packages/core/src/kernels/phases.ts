import { type KernelFile, type KernelName, kernelTable } from './opcodes.ts';

/** What a step's time is told as: kinds of work (`other` where a kernel's file is not listed below), and `overhead` for what is no kernel of the model. */
export const phases = [
  'matmul',
  'convolution',
  'attention',
  'recurrence',
  'elementwise',
  'reduction',
  'movement',
  'update',
  'other',
  'overhead',
] as const;
export type Phase = (typeof phases)[number];

const phaseOfFile: Readonly<Partial<Record<KernelFile, Phase>>> = {
  elementwise: 'elementwise',
  'activation-gradients': 'elementwise',
  binary: 'elementwise',
  movement: 'movement',
  reduce: 'reduction',
  softmax: 'reduction',
  norm: 'reduction',
  index: 'movement',
  adjacency: 'movement',
  sparse: 'movement',
  range: 'reduction',
  loss: 'reduction',
  'soft-loss': 'reduction',
  'binary-loss': 'reduction',
  check: 'overhead',
  random: 'elementwise',
  warp: 'movement',
  matmul: 'matmul',
  channels: 'reduction',
  'batch-norm': 'reduction',
  pool: 'reduction',
  conv: 'convolution',
  depthwise: 'convolution',
  'conv-weight': 'convolution',
  winograd: 'convolution',
  'winograd-weight': 'convolution',
  attention: 'attention',
  'attention-gradient': 'attention',
  'matmul-packed': 'matmul',
  'rnn-cell': 'recurrence',
  'lstm-cell': 'recurrence',
  'gru-cell': 'recurrence',
  'sequence-states': 'recurrence',
  averages: 'update',
  penalty: 'update',
  update: 'update',
  bf16: 'update',
  digest: 'update',
  step: 'overhead',
  hyper: 'overhead',
  sgd: 'update',
  adam: 'update',
  adagrad: 'update',
  adadelta: 'update',
  rmsprop: 'update',
  lion: 'update',
  undo: 'update',
  initial: 'overhead',
};

const kernels = Object.entries(kernelTable).flatMap(([file, names]) =>
  names.map((name) => ({ name: name as KernelName, phase: phaseOfFile[file as KernelFile] ?? 'other' })),
);

/** The kernel behind an opcode, and the phase its time counts to. */
export function kernelOf(code: number): { readonly name: KernelName; readonly phase: Phase } {
  const kernel = kernels[code - 1];
  if (!kernel) throw new RangeError(`no kernel has opcode ${code}`);
  return kernel;
}
