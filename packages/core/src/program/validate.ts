import { UsageError } from '../errors.ts';
import { sameShape, shapeText } from '../graph/dim.ts';
import { findOp, type Operand } from '../graph/op.ts';
import { shapeFrom } from '../ops/shape-data.ts';
import { numericsVersion, type Program } from './program.ts';

/**
 * Checks a Program that came from elsewhere: known ops, inputs that exist, and every shape equal to what the op's own shape rule
 * says. Returns the nodes' shapes.
 */
export function validateProgram(program: Program): Operand[] {
  if (program.numericsVersion !== numericsVersion) {
    throw new UsageError(
      `The program has numerics version ${program.numericsVersion}, this is ${numericsVersion}: use the same release of Lockstep.`,
    );
  }
  const operands: Operand[] = [];
  program.nodes.forEach((node, i) => {
    const where = `Program node ${i} (${String(node.op)}${node.path ? ` in ${node.path}` : ''})`;
    const op = findOp(node.op);
    if (!op) throw new UsageError(`${where}: unknown op.`);
    const inputs = node.inputs.map((input) => {
      const found = Number.isInteger(input) && input < i ? operands[input] : undefined;
      if (!found) throw new UsageError(`${where}: input ${input} is not an earlier node.`);
      return found;
    });
    const shape = shapeFrom(node.shape);
    checkSizes(
      shape.map((size) => (typeof size === 'number' ? size : size.coefficient)),
      where,
    );
    let inferred: Operand;
    try {
      inferred = op.infer(inputs, node.attributes);
    } catch (error) {
      throw new UsageError(`${where}: ${(error as Error).message}.`);
    }
    if (!sameShape(inferred.shape, shape) || inferred.dtype !== node.dtype) {
      throw new UsageError(`${where}: states ${shapeText(shape)}, but its inputs give ${shapeText(inferred.shape)}.`);
    }
    operands.push({ shape, dtype: node.dtype });
  });
  return operands;
}

/** A tensor may not exceed the memory that 32-bit addresses reach. */
const maxElements = 2 ** 30;

function checkSizes(sizes: readonly number[], where: string): void {
  let elements = 1;
  for (const size of sizes) {
    if (!Number.isInteger(size) || size < 0)
      throw new UsageError(`${where}: size ${size} is not a whole number from 0.`);
    elements *= size;
    if (elements > maxElements) throw new UsageError(`${where}: more than 2^30 elements.`);
  }
}
