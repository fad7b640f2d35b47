import { loss, ManualOptimizer, ops, optim, type Tensor, tensor } from '@lockstep/core';
import { evaluateTensors } from '@lockstep/core/internal';
import { expect, test } from 'vitest';
import { expectClose, loadVector, toTensors, type Values } from './support/torch-vector.ts';

// PyTorch's VAE and GAN: several outputs, given noise, two optimizers that take turns.

type Tensors = Record<string, Tensor>;
type Group = Record<string, Values>;

const linear = (x: Tensor, p: Tensors, name: string) =>
  ops.linear(x, p[`${name}.weight`] as Tensor, p[`${name}.bias`] as Tensor);
/** As the engine divides. */
const divided = (of: loss.Weighted): Tensor => of.values.sum().div(of.weightsOrOnes().sum());
const tensorsOf = (values: Record<string, Float32Array>, like: Group): Tensors =>
  Object.fromEntries(
    Object.entries(values).map(([name, data]) => [
      name,
      tensor(data.slice(), { shape: like[name]?.shape as number[] }),
    ]),
  );
const expectGroup = (got: Readonly<Record<string, ArrayLike<number>>>, expected: Group, what: string): void => {
  for (const [name, { data }] of Object.entries(expected))
    expectClose(got[name] as Float32Array, data, `${what} ${name}`);
};
const evaluated = (tensors: Tensors): Record<string, Float32Array> => {
  const data = evaluateTensors(Object.values(tensors)) as Float32Array[];
  return Object.fromEntries(Object.keys(tensors).map((name, i) => [name, data[i] as Float32Array]));
};
const gradientsOf = (value: Tensor, p: Tensors): Record<string, Float32Array> => {
  const gradients = ops.grad(value, Object.values(p));
  return evaluated(Object.fromEntries(Object.keys(p).map((name, i) => [name, gradients[i] as Tensor])));
};

test('VAE: outputs, loss, gradients and three Adam steps', () => {
  interface Vae {
    params: Group;
    inputs: Group;
    targets: Group;
    constants: Group;
    float64: {
      outputs: Group;
      loss: number;
      param_grads: Group;
      input_grads: Group;
      losses: number[];
      params_after: Record<string, Group>;
    };
  }
  const c = loadVector<Vae>('vae');
  const { x } = toTensors(c.inputs) as { x: Tensor };
  const { target } = toTensors(c.targets) as { target: Tensor };
  const { eps } = toTensors(c.constants) as { eps: Tensor };
  const forward = (p: Tensors) => {
    const hidden = linear(x, p, 'enc').relu();
    const [mu, logvar] = [linear(hidden, p, 'mu'), linear(hidden, p, 'logvar')];
    const z = mu.add(eps.mul(logvar.mul(0.5).exp()));
    const logits = linear(linear(z, p, 'dec1').relu(), p, 'dec2');
    const value = divided(loss.bceWithLogits(logits, target).sumPerSample().add(loss.gaussianKl(mu, logvar)));
    return { outputs: { logits, mu, logvar, z }, value };
  };
  const optimizer = new ManualOptimizer(optim.adam({ lr: 0.01 }), c.params);
  for (let step = 0; step <= 3; step++) {
    const p = tensorsOf(optimizer.values, c.params);
    const { outputs, value } = forward(p);
    const { value: lossNow } = evaluated({ value });
    expectClose(lossNow as Float32Array, [c.float64.losses[step] as number], `loss before step ${step + 1}`);
    const gradients = gradientsOf(value, p);
    if (step === 0) {
      expectGroup(evaluated(outputs), c.float64.outputs, 'output');
      expectGroup(gradients, c.float64.param_grads, 'gradient of');
      expectGroup(gradientsOf(value, { x }), c.float64.input_grads, 'gradient of input');
    }
    expectGroup(optimizer.values, c.float64.params_after[String(step)] ?? {}, `after step ${step}:`);
    optimizer.step(gradients);
  }
});

test('GAN: a step of the discriminator, then one of the generator', () => {
  interface Gan {
    params: Group;
    inputs: Group;
    float64: Record<'loss_d' | 'loss_g', number> &
      Record<
        'd_outputs' | 'd_param_grads' | 'd_params_after' | 'g_outputs' | 'g_param_grads' | 'g_params_after',
        Group
      >;
  }
  const c = loadVector<Gan>('gan');
  const expected = c.float64;
  const { real, z_d: first, z_g: second } = toTensors(c.inputs) as Record<'real' | 'z_d' | 'z_g', Tensor>;
  const part = (prefix: string): Group =>
    Object.fromEntries(
      Object.entries(c.params).flatMap(([name, v]) =>
        name.startsWith(prefix) ? [[name.slice(prefix.length), v]] : [],
      ),
    );
  const [g, d] = [part('G.'), part('D.')];
  const network = (x: Tensor, p: Tensors) => linear(linear(x, p, 'fc1').tanh(), p, 'fc2');
  const judged = (x: Tensor, p: Tensors, label: number) => {
    const logits = network(x, p);
    return { logits, loss: divided(loss.bceWithLogits(logits, ops.full(logits.shape, label))) };
  };
  const adam = () => optim.adam({ lr: 0.01, betas: [0.5, 0.999] });
  const [discriminator, generator] = [new ManualOptimizer(adam(), d), new ManualOptimizer(adam(), g)];

  const [gp, dp] = [tensorsOf(generator.values, g), tensorsOf(discriminator.values, d)];
  const fake = network(first, gp);
  const [onReal, onFake] = [judged(real, dp, 1), judged(fake, dp, 0)];
  const lossD = onReal.loss.add(onFake.loss);
  expectGroup(evaluated({ fake, d_real: onReal.logits, d_fake: onFake.logits }), expected.d_outputs, 'output');
  expectClose(evaluated({ lossD }).lossD as Float32Array, [expected.loss_d], 'loss of the discriminator');
  const dGradients = gradientsOf(lossD, dp);
  expectGroup(dGradients, expected.d_param_grads, 'gradient of');
  discriminator.step(dGradients);
  expectGroup(discriminator.values, expected.d_params_after, 'after the step:');

  const made = network(second, gp);
  const fooled = judged(made, tensorsOf(discriminator.values, d), 1);
  expectGroup(evaluated({ fake: made, d_fake: fooled.logits }), expected.g_outputs, 'output');
  expectClose(evaluated({ loss: fooled.loss }).loss as Float32Array, [expected.loss_g], 'loss of the generator');
  const gGradients = gradientsOf(fooled.loss, gp);
  expectGroup(gGradients, expected.g_param_grads, 'gradient of');
  generator.step(gGradients);
  expectGroup(generator.values, expected.g_params_after, 'after the step:');
  expect(Object.keys(generator.values)).toHaveLength(4);
});
