import type { Shape } from '@lockstep/core';
import {
  type FieldSpec,
  type LayoutEntry,
  type ParameterLayout,
  type Program,
  type ProgramNode,
  validateProgram,
} from '@lockstep/core/internal';
import { refuse } from './job-refusal.ts';
import { checkShape, checkWhole } from './numbers.ts';

/** Nodes of a Program; a GPT of 100 layers has some 20 000. */
const maxNodes = 2 ** 17;

/** What a Program may read and write. */
export interface ProgramWorld {
  readonly layout: ParameterLayout;
  readonly fields: readonly FieldSpec[];
  readonly scalars: readonly string[];
}

type Operand = ReturnType<typeof validateProgram>[number];

/**
 * Checks a Program that came over the wire: known ops, shapes by the ops' own rules, sizes that are whole numbers or multiples of the batch,
 * and leaves that exist with the shape that they state.
 *
 * @throws JobRefusal, or UsageError from the ops
 */
export function checkProgram(program: Program, world: ProgramWorld, what: string): Operand[] {
  if (program.nodes.length > maxNodes) refuse(`${what} has ${program.nodes.length} nodes, more than ${maxNodes}`);
  program.nodes.forEach((node, i) => {
    checkSizes(node, `${what}: node ${i} (${node.op})`);
  });
  const operands = validateProgram(program);
  program.nodes.forEach((node, i) => {
    checkLeaf(node, operands[i] as Operand, world, `${what}: node ${i}`);
  });
  const result = (name: string, node: number) =>
    operands[node] ?? refuse(`${what}: "${name}" is node ${node}, which does not exist`);
  for (const [name, node] of Object.entries(program.gradients)) {
    const entry = world.layout.entries.find((e) => e.name === name);
    if (!entry) refuse(`${what}: a gradient of "${name}", which is not in the layout`);
    const { shape, dtype } = result(name, node);
    if (dtype !== 'f32' || !sameSizes(shape, entry)) refuse(`${what}: the gradient of "${name}" has another shape`);
  }
  for (const { name, node } of program.statistics) {
    const { shape, dtype } = result(name, node);
    if (dtype !== 'f32' || shape.length > 0) refuse(`${what}: the statistic "${name}" is no number`);
  }
  for (const [name, node] of Object.entries(program.outputs)) result(name, node);
  return operands;
}

const sameSizes = (shape: Shape, entry: LayoutEntry) =>
  shape.length === entry.shape.length && shape.every((size, i) => size === entry.shape[i]);

/** Only the batch varies, at most squared, and what it is multiplied with is a size itself. */
function checkSizes(node: ProgramNode, where: string): void {
  const coefficients = node.shape.map((size) => {
    if (typeof size === 'number') return size;
    if (size.symbols.length > 2 || size.symbols.some((symbol) => symbol !== 'batch'))
      refuse(`${where}: a size of unknown dimensions ${JSON.stringify(size.symbols.slice(0, 4))}`);
    return size.coefficient;
  });
  checkShape(coefficients, where);
}

function checkLeaf(node: ProgramNode, operand: Operand, world: ProgramWorld, where: string): void {
  const { op, attributes } = node;
  const named = <T extends { readonly name: string }>(list: readonly T[], name: unknown): T =>
    list.find((entry) => entry.name === name) ?? refuse(`${where}: there is no ${op} ${JSON.stringify(name)}`);
  if (op === 'parameter') {
    const entry = named(world.layout.entries, attributes.name);
    if (operand.dtype !== 'f32' || !sameSizes(operand.shape, entry))
      refuse(`${where}: parameter "${entry.name}" has another shape in the layout`);
  } else if (op === 'input') {
    const field = named(world.fields, attributes.field);
    const [rows, ...rest] = operand.shape;
    const perSample = typeof rows === 'object' && rows.coefficient === 1 && rows.symbols.length === 1;
    if (!perSample || operand.dtype !== field.dtype || rest.join() !== field.shape.join())
      refuse(`${where}: field "${field.name}" has another shape or dtype in the job`);
  } else if (op === 'scalar') {
    if (!world.scalars.includes(attributes.name as string))
      refuse(`${where}: there is no scalar ${JSON.stringify(attributes.name)}`);
  } else if (op === 'constant') {
    const { data } = attributes;
    const sizes = operand.shape.map((size) =>
      typeof size === 'number' ? size : refuse(`${where}: a constant has a fixed shape`),
    );
    if (!Array.isArray(data) || data.length !== sizes.reduce((n, size) => n * size, 1))
      refuse(`${where}: a constant whose values do not fill its shape`);
    for (const value of data as unknown[])
      if (typeof value !== 'number') refuse(`${where}: a constant of something else than numbers`);
      else if (operand.dtype === 'i32') checkWhole(value, -(2 ** 31), `${where}: a constant`, 2 ** 31 - 1);
  }
}
