import { readFileSync } from 'node:fs';
import { train } from '@lockstep/coordinator';
import { data, defineJob, loss, nn, optim, type Tensor } from '@lockstep/core';
import { expect, test } from 'vitest';

// PyTorch's clip_grad_norm_ and one SGD step, against one step of the whole engine.

interface Values {
  shape: number[];
  data: number[];
}
interface ClipCase {
  params: Record<string, Values>;
  inputs: { x: Values };
  targets: { target: Values };
  float64: { total_norm: number; loss: number } & Record<string, Record<string, Values>>;
}

const c = JSON.parse(readFileSync(new URL('./vectors/torch/grad_clip.json', import.meta.url), 'utf8')) as ClipCase;
const given = (name: string) => {
  const { shape, data: values } = c.params[name] as Values;
  return new nn.Parameter(shape, (into) => into.set(values));
};

class Given extends nn.Module {
  fc1 = new nn.Linear(3, 5);
  fc2 = new nn.Linear(5, 2);
  constructor() {
    super();
    for (const [name, layer] of Object.entries({ fc1: this.fc1, fc2: this.fc2 })) {
      layer.weight = given(`${name}.weight`);
      layer.bias = given(`${name}.bias`);
    }
  }
  forward(x: Tensor): Tensor {
    return this.fc2.forward(this.fc1.forward(x).tanh());
  }
}

test.each(['0.5', '1000'])('clipping by norm %s', async (norm) => {
  const array = ({ shape, data: values }: Values) => ({ data: Float32Array.from(values), shape });
  const job = defineJob({
    name: 'grad-clip',
    data: () => ({ train: data.arrays({ x: array(c.inputs.x), target: array(c.targets.target) }) }),
    model: () => new Given(),
    batch: { size: 4, shards: 1 },
    steps: 1,
    optimizer: optim.sgd({ lr: 0.1 }),
    clipNorm: Number(norm),
    step: ({ model, batch }) => ({ loss: loss.mse(model.forward(batch.x), batch.target) }),
  });
  const run = train(job, { threads: 1 });
  let gradientNorm = Number.NaN;
  for await (const event of run) if (event.type === 'step') gradientNorm = event.gradientNorm;
  const { model, loss: value } = await run.done;
  expect(Math.abs(gradientNorm / c.float64.total_norm - 1)).toBeLessThan(1e-5);
  expect(Math.abs(value / c.float64.loss - 1)).toBeLessThan(1e-5);
  for (const [name, expected] of Object.entries(c.float64[`params_after_norm_${norm}`] as Record<string, Values>)) {
    const bound = 1e-5 * Math.max(1, ...expected.data.map(Math.abs));
    expected.data.forEach((x, i) => {
      expect(Math.abs((model.parameters[name]?.[i] as number) - x), `${name}[${i}]`).toBeLessThanOrEqual(bound);
    });
  }
  await model.close();
});
