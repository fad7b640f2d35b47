import { sameSize } from '../graph/dim.ts';
import { apply, defineOp, type Emit, ShapeRule } from '../graph/op.ts';
import type { Tensor } from '../graph/tensor.ts';
import { expectDType, fixedSize, operand } from './check.ts';

/** samples, channels, height, width of the image, height and width of the output. */
const sizesOf = (image: readonly number[], output: readonly number[]): number[] => [...image, ...output.slice(2)];

const affineWarpGradOp = defineOp({
  name: 'affineWarpGrad',
  infer: (inputs, { height, width }) => {
    const [batch, channels] = operand(inputs, 1).shape;
    return { shape: [batch ?? 0, channels ?? 0, height as number, width as number], dtype: 'f32' };
  },
  emit: (e) => {
    const [matrix, g] = e.inputs as [Emit['inputs'][0], Emit['inputs'][0]];
    e.kernel('affineWarpGrad', e.out, matrix.address, g.address, ...sizesOf(e.shape, g.shape));
  },
});

const affineWarpOp = defineOp({
  name: 'affineWarp',
  infer: (inputs, { height, width }) => {
    const image = expectDType(operand(inputs, 0), 'f32', 'the image');
    const matrix = expectDType(operand(inputs, 1), 'f32', 'the matrix');
    const [batch, channels] = image.shape;
    if (image.shape.length !== 4 || batch === undefined || channels === undefined)
      throw new ShapeRule('the image must be [batch, channels, height, width]');
    for (const size of image.shape.slice(1)) fixedSize(size, 'a size of the image');
    if (matrix.shape.length !== 2 || !sameSize(matrix.shape[0] ?? 0, batch) || matrix.shape[1] !== 6)
      throw new ShapeRule('the matrix must be [batch, 6]');
    return { shape: [batch, channels, height as number, width as number], dtype: 'f32' };
  },
  emit: (e) => {
    const [image, matrix] = e.inputs as [Emit['inputs'][0], Emit['inputs'][0]];
    e.kernel('affineWarp', e.out, image.address, matrix.address, ...sizesOf(image.shape, e.shape));
  },
  derivative: ({ inputs: [image, matrix], gradient }) => {
    const [, , height, width] = (image as Tensor).shape as [unknown, unknown, number, number];
    return [apply(affineWarpGradOp, [matrix as Tensor, gradient], { height, width }), undefined];
  },
});

/**
 * Images `[batch, channels, height, width]` under an affine map of each sample's pixels. `matrix` `[batch, 6]` says where an output pixel
 * comes from: (m0 x + m1 y + m2, m3 x + m4 y + m5), in pixels from the centre of the top left one; between pixels it is bilinear, beyond
 * the edge 0. A map to whole pixels copies them exactly. A gradient flows to the image, none to the matrix.
 *
 * @param size of the output; default: the image's
 */
export function affineWarp(
  image: Tensor,
  matrix: Tensor,
  size: { readonly height?: number; readonly width?: number } = {},
): Tensor {
  const { height = image.shape[2] as number, width = image.shape[3] as number } = size;
  return apply(affineWarpOp, [image, matrix], { height, width });
}
