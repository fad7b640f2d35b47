/**
 * The block of floats that every optimizer's kernel reads, f32 words: 0 learning rate, 1 scale from the sum of gradients to their
 * (clipped) mean, 2 updates of the group with this one, 3 and 4 corrections of the bias (1 - rate1^t and sqrt(1 - rate2^t)),
 * 5 largest magnitude of an element of the gradient (infinite where it is not clipped), from 6 on the kernel's own options.
 *
 * This kernel advances a group's state (f64 updates, rate1^t, rate2^t, by repeated multiplication) and writes the block.
 * constants: f64 rate1, rate2, largest magnitude, options; `count` of them.
 */
export function hyper(a: usize): void {
  const out = load<usize>(a);
  const state = load<usize>(a, 4);
  const constants = load<usize>(a, 8);
  const count = load<i32>(a, 12);
  const rate = load<usize>(a, 16);
  const record = load<usize>(a, 20);
  const updates = load<f64>(state) + 1;
  const power1 = load<f64>(state, 8) * load<f64>(constants);
  const power2 = load<f64>(state, 16) * load<f64>(constants, 8);
  store<f64>(state, updates);
  store<f64>(state, power1, 8);
  store<f64>(state, power2, 16);
  store<f32>(out, <f32>load<f64>(rate));
  store<f32>(out, load<f32>(record, 8), 4);
  store<f32>(out, <f32>updates, 8);
  store<f32>(out, <f32>(1 - power1), 12);
  store<f32>(out, <f32>Math.sqrt(1 - power2), 16);
  for (let i = 2; i < count; i++) {
    store<f32>(out + ((i + 3) << 2), <f32>load<f64>(constants + (<usize>i << 3)));
  }
}
