import { describe, expect, it } from 'vitest';
import { withEndings } from './endings.ts';
import type { Program, ProgramNode } from './program.ts';

const rows = { coefficient: 1, symbols: ['batch'] };
const node = (
  op: string,
  inputs: number[] = [],
  attributes = {},
  shape: ProgramNode['shape'] = [rows, 8],
): ProgramNode => ({
  op,
  inputs,
  attributes,
  shape,
  dtype: 'f32',
  path: '',
});

/** 0: x, 1: w, 2: b, 3: the product, then the given nodes. */
const programOf = (rest: readonly ProgramNode[], outputs: Record<string, number>): Program => ({
  numericsVersion: 1,
  nodes: [
    node('input', [], { field: 'x' }),
    node('parameter', [], { name: 'w' }, [8, 8]),
    node('parameter', [], { name: 'b' }, [8]),
    node('matmul', [0, 1, 2], { transA: false, transB: true }),
    ...rest,
  ],
  gradients: {},
  statistics: [],
  outputs,
});

describe('a product ends with', () => {
  it('ReLU', () => {
    const { program, absorbed } = withEndings(programOf([node('relu', [3])], { y: 4 }));
    expect([...absorbed]).toEqual([3]);
    expect(program.nodes[4]).toMatchObject({
      op: 'matmul',
      inputs: [0, 1, 2],
      attributes: { transB: true, relu: true },
    });
  });

  it('ReLU whose derivative reads it', () => {
    const { program, absorbed } = withEndings(programOf([node('relu', [3]), node('reluGrad', [3, 0])], { y: 4, g: 5 }));
    expect([...absorbed]).toEqual([3]);
    expect(program.nodes[5]).toMatchObject({ op: 'reluGrad', inputs: [4, 0] });
  });

  it('an addition from either side, and ReLU after it', () => {
    for (const inputs of [
      [0, 3],
      [3, 0],
    ]) {
      const { program, absorbed } = withEndings(programOf([node('add', inputs), node('relu', [4])], { y: 5 }));
      expect([...absorbed]).toEqual([3, 4]);
      expect(program.nodes[5]).toMatchObject({ inputs: [0, 1, 2, 0], attributes: { addend: true, relu: true } });
    }
  });
});

describe('a product does not end with', () => {
  it.each([
    ['what is not alone in reading it', programOf([node('relu', [3]), node('neg', [3])], { y: 4, z: 5 })],
    ['ReLU where it is a result itself', programOf([node('relu', [3])], { y: 4, z: 3 })],
    [
      "an addition where ReLU's derivative reads it",
      programOf([node('add', [3, 0]), node('reluGrad', [3, 0])], { y: 4, g: 5 }),
    ],
    ['its own double', programOf([node('add', [3, 3])], { y: 4 })],
    ['another shape', programOf([node('add', [3, 2])], { y: 4 })],
    ['another function', programOf([node('exp', [3])], { y: 4 })],
  ])('%s', (_, program) => {
    expect(withEndings(program).program).toBe(program);
  });

  it('anything after ReLU', () => {
    const program = programOf([node('relu', [3]), node('add', [4, 0])], { y: 5 });
    expect([...withEndings(program).absorbed]).toEqual([3]);
  });
});
