import { Dim, type Shape } from '../graph/dim.ts';

/** A shape as JSON, for attributes and Programs. */
export type SizeData = number | { readonly coefficient: number; readonly symbols: readonly string[] };
export type ShapeData = readonly SizeData[];

export const shapeData = (shape: Shape): ShapeData =>
  shape.map((size) =>
    typeof size === 'number' ? size : { coefficient: size.coefficient, symbols: [...size.symbols] },
  );

export const shapeFrom = (data: ShapeData): Shape =>
  data.map((size) => (typeof size === 'number' ? size : new Dim(size.symbols, size.coefficient)));
