/** One weight through one update, in float64, as the papers and torch.optim have it. `kept` is what the optimizer remembers, from 0. */
export type Formula = (
  w: number,
  gradient: number,
  kept: readonly number[],
  t: number,
) => { readonly w: number; readonly kept: readonly number[] };

interface Common {
  readonly lr: number;
  readonly weightDecay?: number;
}

export const sgd =
  ({
    lr,
    weightDecay = 0,
    momentum = 0,
    dampening = 0,
    nesterov = false,
  }: Common & { momentum?: number; dampening?: number; nesterov?: boolean }): Formula =>
  (w, gradient, [m = 0], t) => {
    const g = gradient + weightDecay * w;
    if (momentum === 0) return { w: w - lr * g, kept: [] };
    const buffer = t === 1 ? g : momentum * m + (1 - dampening) * g;
    return { w: w - lr * (nesterov ? g + momentum * buffer : buffer), kept: [buffer] };
  };

export const adam =
  ({
    lr,
    weightDecay = 0,
    betas: [b1, b2],
    eps,
    amsgrad = false,
    decoupled = false,
  }: Common & { betas: readonly [number, number]; eps: number; amsgrad?: boolean; decoupled?: boolean }): Formula =>
  (w, gradient, [m = 0, v = 0, top = 0], t) => {
    const g = gradient + (decoupled ? 0 : weightDecay * w);
    const mean = b1 * m + (1 - b1) * g;
    const square = b2 * v + (1 - b2) * g * g;
    const largest = Math.max(top, square);
    const denominator = Math.sqrt((amsgrad ? largest : square) / (1 - b2 ** t)) + eps;
    const shrunk = decoupled ? w * (1 - lr * weightDecay) : w;
    return {
      w: shrunk - ((lr / (1 - b1 ** t)) * mean) / denominator,
      kept: amsgrad ? [mean, square, largest] : [mean, square],
    };
  };

export const adagrad =
  ({
    lr,
    weightDecay = 0,
    lrDecay = 0,
    initialAccumulatorValue = 0,
    eps,
  }: Common & { lrDecay?: number; initialAccumulatorValue?: number; eps: number }): Formula =>
  (w, gradient, [before = 0], t) => {
    const g = gradient + weightDecay * w;
    const sum = (t === 1 ? initialAccumulatorValue : before) + g * g;
    return { w: w - ((lr / (1 + (t - 1) * lrDecay)) * g) / (Math.sqrt(sum) + eps), kept: [sum] };
  };

export const adadelta =
  ({ lr, weightDecay = 0, rho, eps }: Common & { rho: number; eps: number }): Formula =>
  (w, gradient, [squares = 0, changes = 0]) => {
    const g = gradient + weightDecay * w;
    const square = rho * squares + (1 - rho) * g * g;
    const change = (Math.sqrt(changes + eps) / Math.sqrt(square + eps)) * g;
    return { w: w - lr * change, kept: [square, rho * changes + (1 - rho) * change * change] };
  };

/** Keeps the mean square, the buffer and the mean gradient, needed or not. */
export const rmsprop =
  ({
    lr,
    weightDecay = 0,
    alpha,
    eps,
    momentum = 0,
    centered = false,
  }: Common & { alpha: number; eps: number; momentum?: number; centered?: boolean }): Formula =>
  (w, gradient, [squares = 0, buffer = 0, mean = 0]) => {
    const g = gradient + weightDecay * w;
    const square = alpha * squares + (1 - alpha) * g * g;
    const average = alpha * mean + (1 - alpha) * g;
    const variance = centered ? square - average * average : square;
    const change = momentum * buffer + g / (Math.sqrt(variance) + eps);
    return { w: w - lr * change, kept: [square, change, average] };
  };

export const lion =
  ({ lr, weightDecay = 0, betas: [b1, b2] }: Common & { betas: readonly [number, number] }): Formula =>
  (w, g, [m = 0]) => ({
    w: w * (1 - lr * weightDecay) - lr * Math.sign(b1 * m + (1 - b1) * g),
    kept: [b2 * m + (1 - b2) * g],
  });
