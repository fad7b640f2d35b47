import { describeBrokenRule, type Program } from '@lockstep/core/internal';

export interface BadIndex {
  readonly node: number;
  /** Row of the run, in rows of the index; of a broken rule the element. */
  readonly row: number;
  readonly value: number;
  /** Of the run's first sample in the batch. */
  readonly position: number;
}

/** One sentence about an index or value that data brought: which field of which sample, what it is and what it may be. */
export function describeBadIndex(
  program: Program,
  { node, row, value, position }: BadIndex,
  samples: readonly number[],
  split: 'train' | 'test',
): string {
  const { op, path, inputs, attributes } = program.nodes[node] as Program['nodes'][number];
  const [first, second] = inputs.map((input) => program.nodes[input] as Program['nodes'][number]);
  const where = (counted: Program['nodes'][number] | undefined, input: number) => {
    const leading = counted?.shape[0];
    const inner = (counted?.shape.slice(1) ?? []) as readonly number[];
    const rowsPerSample = inner.reduce((n, d) => n * d, typeof leading === 'object' ? leading.coefficient : 1);
    const field = fieldOf(program, input);
    return `sample ${samples[position + Math.floor(row / rowsPerSample)]} of the ${split} data${field ? `, field "${field}"` : ''}`;
  };
  if (op === 'checkValues') {
    const broken = describeBrokenRule(attributes, value);
    const remedy = fieldOf(program, inputs[0] as number) ? ': correct the data.' : ': correct the data or the model.';
    return `${broken.charAt(0).toUpperCase()}${broken.slice(1)} in ${where(first, inputs[0] as number)}${path ? ` (${path})` : ''}${remedy}`;
  }
  const isLabel = op === 'crossEntropy' || op === 'weightedCrossEntropy';
  const range = op === 'embedding' ? first?.shape[0] : first?.shape.at(-1);
  return (
    `${isLabel ? 'Label' : 'Index'} ${value} is out of range [0, ${range}) in ${where(second, inputs[1] as number)}` +
    ` (${op}${path ? ` in ${path}` : ''}): correct the data, or give the model more ${isLabel ? 'classes' : 'rows'}.`
  );
}

/** The field that a node's values come from, through casts and reshapes. */
function fieldOf(program: Program, node: number): string | undefined {
  for (let at = program.nodes[node]; at; at = program.nodes[at.inputs[0] as number]) {
    if (at.op === 'input') return at.attributes.field as string;
    if (at.inputs.length !== 1) return undefined;
  }
  return undefined;
}
