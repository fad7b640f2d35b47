import { describeBrokenRule, type Program } from '@lockstep/core/internal';
import type { BadIndex } from './bad-index.ts';

/** One sentence about an index or value that data brought: which field of which sample, what it is and what it may be. */
export function describeBadIndex(
  program: Program,
  { node, row, value, position }: BadIndex,
  samples: readonly number[],
  split: 'train' | 'test',
): string {
  const found = program.nodes[node] as ProgramNode;
  const { op, path, attributes } = found;
  const where = (input: number) => {
    const { shape } = program.nodes[input] as ProgramNode;
    const leading = shape[0];
    if (typeof leading !== 'object') return 'a constant of the model';
    const inner = shape.slice(1) as readonly number[];
    const rowsPerSample = inner.reduce((n, d) => n * d, leading.coefficient);
    const field = fieldOf(program, input);
    return `sample ${samples[position + Math.floor(row / rowsPerSample)]} of the ${split} data${field ? `, field "${field}"` : ''}`;
  };
  if (op === 'checkValues') {
    const broken = describeBrokenRule(attributes, value);
    const checked = found.inputs[0] as number;
    const remedy = fieldOf(program, checked) ? ': correct the data.' : ': correct the data or the model.';
    return `${broken.charAt(0).toUpperCase()}${broken.slice(1)} in ${where(checked)}${path ? ` (${path})` : ''}${remedy}`;
  }
  const { noun, input, range, remedy } = useOf(program, found);
  return (
    `${noun} ${value} is out of range ${range} in ${where(input)}` +
    ` (${op}${path ? ` in ${path}` : ''}): correct the data, or ${remedy}.`
  );
}

type ProgramNode = Program['nodes'][number];

/** What a node takes its index for: which input it is, what it may be, and what else could be changed. */
function useOf(
  program: Program,
  { op, inputs, shape, attributes }: ProgramNode,
): { noun: string; input: number; range: string; remedy: string } {
  const lengths = (attributes.roles as readonly string[] | undefined)?.indexOf('lengths') ?? -1;
  if (lengths >= 0) {
    const range = `[1, ${shape[1]}]`;
    return { noun: 'Length', input: inputs[lengths] as number, range, remedy: 'give its samples more steps' };
  }
  const [first, second] = inputs as [number, number];
  if (op === 'adjacencyPointers') {
    const range = `[0 or the pointer before it, ${attributes.rows}]`;
    return { noun: 'Pointer', input: first, range, remedy: 'give it room for more edges or nodes' };
  }
  if (op === 'adjacencyColumns') {
    const range = `[0, ${attributes.sources})`;
    return { noun: 'Column', input: first, range, remedy: 'give the graph more nodes' };
  }
  const table = (program.nodes[first] as ProgramNode).shape;
  if (op === 'crossEntropy' || op === 'weightedCrossEntropy') {
    const range = `[0, ${table.at(-1)})`;
    return { noun: 'Label', input: second, range, remedy: 'give the model more classes' };
  }
  const range = `[0, ${op === 'embedding' ? table[0] : table.at(-1)})`;
  return { noun: 'Index', input: second, range, remedy: 'give the model more rows' };
}

/** The field that a node's values come from, through casts and reshapes. */
function fieldOf(program: Program, node: number): string | undefined {
  for (let at = program.nodes[node]; at; at = program.nodes[at.inputs[0] as number]) {
    if (at.op === 'input') return at.attributes.field as string;
    if (at.inputs.length !== 1) return undefined;
  }
  return undefined;
}
