import type { Tensor } from '../graph/tensor.ts';
import * as ops from '../ops/index.ts';
import { BatchNorm2d } from './batch-norm.ts';
import { Conv2d } from './conv.ts';
import { Module } from './module.ts';

/**
 * What a residual block adds to its result where the shape changes: `projection` is a 1 x 1 convolution with BatchNorm (option B of He et
 * al. 2015), `padding` takes every stride-th pixel and puts zero channels before and after (option A, without parameters).
 */
export type Shortcut = 'projection' | 'padding';

export interface ResidualOptions {
  /** Default 1. */
  readonly stride?: number;
  /** Default 'projection'. Where neither size nor channels change it is the identity. */
  readonly shortcut?: Shortcut;
}

/** The way past a residual block: `[batch, inChannels, height, width]` to the shape of the block's result. */
class ShortcutPath extends Module {
  projection: Conv2d | undefined;
  norm: BatchNorm2d | undefined;
  readonly #added: number;
  readonly #stride: number;

  constructor(inChannels: number, outChannels: number, { stride = 1, shortcut = 'projection' }: ResidualOptions) {
    super();
    this.#added = outChannels - inChannels;
    this.#stride = stride;
    if (shortcut === 'padding' && this.#added < 0)
      throw new RangeError(`A padding shortcut cannot lead from ${inChannels} to ${outChannels} channels.`);
    if (shortcut !== 'projection' || (stride === 1 && this.#added === 0)) return;
    this.projection = new Conv2d(inChannels, outChannels, 1, { stride, bias: false });
    this.norm = new BatchNorm2d(outChannels);
  }

  forward(x: Tensor): Tensor {
    if (this.projection && this.norm) return this.norm.forward(this.projection.forward(x));
    const fewer = this.#stride === 1 ? x : ops.maxPool2d(x, 1, { stride: this.#stride });
    const before = Math.floor(this.#added / 2);
    return ops.pad(fewer, 1, before, this.#added - before);
  }
}

/** Two 3 x 3 convolutions with BatchNorm and a way past them (He et al. 2015): `[batch, in, h, w]` to `[batch, out, h / stride, w / stride]`. */
export class BasicBlock extends Module {
  conv1: Conv2d;
  bn1: BatchNorm2d;
  conv2: Conv2d;
  bn2: BatchNorm2d;
  shortcut: ShortcutPath;

  constructor(inChannels: number, outChannels: number, options: ResidualOptions = {}) {
    super();
    this.conv1 = new Conv2d(inChannels, outChannels, 3, { stride: options.stride ?? 1, padding: 1, bias: false });
    this.bn1 = new BatchNorm2d(outChannels);
    this.conv2 = new Conv2d(outChannels, outChannels, 3, { padding: 1, bias: false });
    this.bn2 = new BatchNorm2d(outChannels);
    this.shortcut = new ShortcutPath(inChannels, outChannels, options);
  }

  forward(x: Tensor): Tensor {
    const a = this.bn1.forward(this.conv1.forward(x)).relu();
    return this.bn2.forward(this.conv2.forward(a)).add(this.shortcut.forward(x)).relu();
  }
}

/** 1 x 1 to `width` channels, 3 x 3 with the stride, 1 x 1 to `width * expansion` channels, and a way past them (He et al. 2015). */
export class Bottleneck extends Module {
  conv1: Conv2d;
  bn1: BatchNorm2d;
  conv2: Conv2d;
  bn2: BatchNorm2d;
  conv3: Conv2d;
  bn3: BatchNorm2d;
  shortcut: ShortcutPath;

  /** @param options.expansion how many times `width` come out; default 4 */
  constructor(inChannels: number, width: number, options: ResidualOptions & { expansion?: number } = {}) {
    super();
    const outChannels = width * (options.expansion ?? 4);
    this.conv1 = new Conv2d(inChannels, width, 1, { bias: false });
    this.bn1 = new BatchNorm2d(width);
    this.conv2 = new Conv2d(width, width, 3, { stride: options.stride ?? 1, padding: 1, bias: false });
    this.bn2 = new BatchNorm2d(width);
    this.conv3 = new Conv2d(width, outChannels, 1, { bias: false });
    this.bn3 = new BatchNorm2d(outChannels);
    this.shortcut = new ShortcutPath(inChannels, outChannels, options);
  }

  forward(x: Tensor): Tensor {
    const a = this.bn1.forward(this.conv1.forward(x)).relu();
    const b = this.bn2.forward(this.conv2.forward(a)).relu();
    return this.bn3.forward(this.conv3.forward(b)).add(this.shortcut.forward(x)).relu();
  }
}
