import { type ParameterLayout, resultLayoutOf } from './layout.ts';
import type { Program } from './program.ts';
import type { Place } from './steps.ts';

/** A scalar or gradient that the Program hands out, and where. */
export interface Result {
  readonly node: number;
  readonly to: Place;
  readonly elements: number;
  /** Shards are summed over by the tree; a plain output is not. */
  readonly summed: boolean;
}

/** All of a Program's, in the first of the result vectors. @param elementsOf elements of a node's value */
export function resultsOf(
  { gradients, statistics, outputs }: Program,
  layout: ParameterLayout,
  elementsOf: (node: number) => number,
): Result[] {
  const ends = resultLayoutOf(
    layout,
    statistics.map(({ name }) => name),
  );
  const place = (region: 'result' | 'output', key: string, element: number): Place => ({
    region,
    key,
    offset: element * 4,
  });
  return [
    ...layout.entries
      .filter(({ name }) => gradients[name] !== undefined)
      .map(({ name, offset, size }) => ({
        node: gradients[name] as number,
        to: place('result', '0', offset),
        elements: size,
        summed: true,
      })),
    ...statistics.map(({ node }, i) => ({
      node,
      to: place('result', '0', (Object.keys(gradients).length > 0 ? ends.gradients : 0) + i),
      elements: 1,
      summed: true,
    })),
    ...Object.entries(outputs).map(([name, node]) => ({
      node,
      to: place('output', name, 0),
      elements: elementsOf(node),
      summed: false,
    })),
  ];
}
