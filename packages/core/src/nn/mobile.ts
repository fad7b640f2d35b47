import type { Tensor } from '../graph/tensor.ts';
import { BatchNorm2d } from './batch-norm.ts';
import { Conv2d } from './conv.ts';
import { Module } from './module.ts';

export interface DepthwiseOptions {
  /** Default 1. */
  readonly stride?: number;
  /** Size of the depthwise kernel, odd. Default 3. */
  readonly kernel?: number;
}

const depthwise = (channels: number, { kernel = 3, stride = 1 }: DepthwiseOptions): Conv2d =>
  new Conv2d(channels, channels, kernel, { stride, padding: (kernel - 1) / 2, groups: channels, bias: false });

/**
 * A convolution taken apart (Howard et al. 2017): one kernel for each channel, then 1 x 1 over the channels, each with BatchNorm and ReLU.
 * `[batch, inChannels, h, w]` to `[batch, outChannels, h / stride, w / stride]`.
 */
export class DepthwiseSeparableConv2d extends Module {
  depthwise: Conv2d;
  bn1: BatchNorm2d;
  pointwise: Conv2d;
  bn2: BatchNorm2d;

  constructor(inChannels: number, outChannels: number, options: DepthwiseOptions = {}) {
    super();
    this.depthwise = depthwise(inChannels, options);
    this.bn1 = new BatchNorm2d(inChannels);
    this.pointwise = new Conv2d(inChannels, outChannels, 1, { bias: false });
    this.bn2 = new BatchNorm2d(outChannels);
  }

  forward(x: Tensor): Tensor {
    const a = this.bn1.forward(this.depthwise.forward(x)).relu();
    return this.bn2.forward(this.pointwise.forward(a)).relu();
  }
}

/**
 * MobileNet's inverted residual (Sandler et al. 2018): 1 x 1 to `expansion` times the channels, depthwise, 1 x 1 back without an activation;
 * added to its input where the shape stays. ReLU where the paper clips at 6.
 */
export class InvertedResidual extends Module {
  expand: Conv2d | undefined;
  bn1: BatchNorm2d | undefined;
  depthwise: Conv2d;
  bn2: BatchNorm2d;
  project: Conv2d;
  bn3: BatchNorm2d;
  readonly #residual: boolean;

  /** @param options.expansion default 6; 1 leaves the first convolution out */
  constructor(inChannels: number, outChannels: number, options: DepthwiseOptions & { expansion?: number } = {}) {
    super();
    const { expansion = 6, stride = 1 } = options;
    const hidden = inChannels * expansion;
    this.expand = expansion === 1 ? undefined : new Conv2d(inChannels, hidden, 1, { bias: false });
    this.bn1 = expansion === 1 ? undefined : new BatchNorm2d(hidden);
    this.depthwise = depthwise(hidden, options);
    this.bn2 = new BatchNorm2d(hidden);
    this.project = new Conv2d(hidden, outChannels, 1, { bias: false });
    this.bn3 = new BatchNorm2d(outChannels);
    this.#residual = stride === 1 && inChannels === outChannels;
  }

  forward(x: Tensor): Tensor {
    const a = this.expand && this.bn1 ? this.bn1.forward(this.expand.forward(x)).relu() : x;
    const b = this.bn2.forward(this.depthwise.forward(a)).relu();
    const y = this.bn3.forward(this.project.forward(b));
    return this.#residual ? y.add(x) : y;
  }
}
