import { expect, test } from 'vitest';
import { floats } from '../../../../test/support/kernel-cases.ts';
import type { Tensor } from '../graph/tensor.ts';
import { ops, tensor } from '../index.ts';
import { buildProgram } from './build.ts';
import { evaluateTensors } from './evaluate-tensors.ts';

const shape = [4, 3, 5, 3];
const image = (seed: number) => tensor(floats(180, seed), { shape });
const vector = (seed: number) => tensor(floats(3, seed), { shape: [3] });

/** Everything between is a root of its own in `apart`, so nothing can be joined. */
interface Case {
  readonly wrt: readonly Tensor[];
  readonly between: readonly Tensor[];
  readonly output: Tensor;
  readonly ops: readonly string[];
}

function single(): Case {
  const wrt = [image(1), vector(2), vector(3)] as const;
  const norm = ops.batchNorm(...wrt).output;
  return { wrt, between: [norm], output: norm.relu(), ops: ['relu', 'reluGrad'] };
}

function residual(): Case {
  const wrt = [image(1), vector(2), vector(3), image(4)] as const;
  const [x, w, b, z] = wrt;
  const norm = ops.batchNorm(x, w, b).output;
  const sum = z.square().add(norm);
  return { wrt, between: [sum], output: sum.relu(), ops: ['relu', 'add'] };
}

function projection(): Case {
  const wrt = [image(1), vector(2), vector(3), image(4), vector(5), vector(6)] as const;
  const [x, w, b, z, v, c] = wrt;
  const sum = ops.batchNorm(x, w, b).output.add(ops.batchNorm(z, v, c).output);
  return { wrt, between: [sum], output: sum.relu(), ops: ['relu', 'add'] };
}

function convolution(options: ops.ConvOptions, filters: number, channels = 3): Case {
  const kernel = tensor(floats(filters * channels * 9, 7), { shape: [filters, channels, 3, 3] });
  const wrt = [image(1), kernel, tensor(floats(filters, 8), { shape: [filters] })] as const;
  const y = ops.conv2d(...wrt, { padding: 1, ...options });
  return { wrt, between: [y], output: y.relu(), ops: ['relu'] };
}

const convolutions = {
  direct: convolution({}, 3),
  depthwise: convolution({ groups: 3 }, 3, 1),
};

const loss = (y: Tensor) => y.mul(image(9)).sum();
const opsOf = (roots: readonly Tensor[]) =>
  buildProgram({ outputs: Object.fromEntries(roots.map((t, i) => [String(i), t])) }).nodes.map(({ op }) => op);

test.each(Object.entries({ single: single(), residual: residual(), projection: projection(), ...convolutions }))(
  '%s: fewer ops, the same bits',
  (_, { wrt, between, output, ops: gone }) => {
    const roots = [output, ...ops.grad(loss(output), wrt)];
    for (const op of gone) {
      expect(opsOf(roots)).not.toContain(op);
      expect(opsOf([...roots, ...between])).toContain(op);
    }
    expect(evaluateTensors(roots)).toEqual(evaluateTensors([...roots, ...between]).slice(0, roots.length));
  },
);

test('what somebody else reads stays', () => {
  const [x, w, b] = [image(1), vector(2), vector(3)];
  const norm = ops.batchNorm(x, w, b).output;
  expect(opsOf([norm.relu(), norm.square()])).toContain('relu');
  const sum = norm.add(image(4));
  expect(opsOf([sum.relu(), sum.square()])).toContain('add');
  expect(opsOf([sum.relu(), norm.square()])).toContain('add');
  expect(opsOf([norm.add(vector(5)).relu()])).toContain('add');
  expect(opsOf([norm.add(norm).relu()])).toContain('add');
  expect(opsOf([ops.batchNorm(x).output.relu()])).toContain('relu');
  const y = ops.conv2d(x, tensor(floats(9, 5), { shape: [3, 3, 1, 1] }));
  expect(opsOf([y.relu(), y.square()])).toContain('relu');
});
