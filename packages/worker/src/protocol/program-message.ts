import { create } from '@bufbuild/protobuf';
import type { DType } from '@lockstep/core';
import type { Program, ProgramNode } from '@lockstep/core/internal';
import {
  Dtype,
  type ProgramNode as NodeMessage,
  type Program as ProgramMessage,
  ProgramNodeSchema,
  ProgramSchema,
  type Result,
  ResultSchema,
  type Size,
  SizeSchema,
} from '../gen/lockstep/v1/program_pb.ts';
import { fromAttributes, type PlainRecord, toAttributes } from './attributes.ts';
import { refuse } from './job-refusal.ts';
import { checkText, record } from './names.ts';

const dtypes = { f32: Dtype.F32, i32: Dtype.I32, u8: Dtype.U8 } as const;

export const toDtype = (dtype: DType): Dtype => dtypes[dtype];

export function fromDtype(dtype: Dtype, what: string): DType {
  const found = (Object.keys(dtypes) as DType[]).find((name) => dtypes[name] === dtype);
  return found ?? refuse(`${what} has the unknown dtype ${dtype}`);
}

const toSize = (size: ProgramNode['shape'][number]): Size =>
  typeof size === 'number'
    ? create(SizeSchema, { coefficient: size })
    : create(SizeSchema, { coefficient: size.coefficient, symbols: [...size.symbols] });

const fromSize = ({ coefficient, symbols }: Size): ProgramNode['shape'][number] =>
  symbols.length === 0 ? coefficient : { coefficient, symbols };

const toResults = (entries: readonly (readonly [string, number])[]): Result[] =>
  entries.map(([name, node]) => create(ResultSchema, { name, node }));

/** A Program as a message: nothing is lost, names keep their order. */
export const toProgram = (program: Program): ProgramMessage =>
  create(ProgramSchema, {
    numericsVersion: program.numericsVersion,
    nodes: program.nodes.map(({ op, inputs, attributes, shape, dtype, path }) =>
      create(ProgramNodeSchema, {
        op,
        inputs: [...inputs],
        attributes: toAttributes(attributes as PlainRecord),
        shape: shape.map(toSize),
        dtype: toDtype(dtype),
        path,
      }),
    ),
    gradients: toResults(Object.entries(program.gradients)),
    statistics: toResults(program.statistics.map(({ name, node }) => [name, node])),
    outputs: toResults(Object.entries(program.outputs)),
  });

function fromNode({ op, inputs, attributes, shape, dtype, path }: NodeMessage, index: number): ProgramNode {
  const what = `program node ${index} (${checkText(op, 'an op')})`;
  return {
    op,
    inputs,
    attributes: fromAttributes(attributes, `${what}: attribute`),
    shape: shape.map(fromSize),
    dtype: fromDtype(dtype, what),
    path: checkText(path, `${what}: its path`),
  };
}

/** The Program as it was, its names checked; its ops and shapes are not yet. @throws JobRefusal */
export const fromProgram = (message: ProgramMessage): Program => ({
  numericsVersion: message.numericsVersion,
  nodes: message.nodes.map(fromNode),
  gradients: record(
    message.gradients.map(({ name, node }) => [name, node] as const),
    'a gradient',
  ),
  statistics: message.statistics.map(({ name, node }) => ({ name: checkText(name, 'a statistic'), node })),
  outputs: record(
    message.outputs.map(({ name, node }) => [name, node] as const),
    'an output',
  ),
});
