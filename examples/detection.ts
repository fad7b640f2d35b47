import { defineJob, loss, nn, ops, optim, type Tensor } from '@lockstep/core';
import { type Detection, type Labelled, meanAveragePrecision } from './support/average-precision.ts';
import { type Example, metric } from './support/example.ts';
import { griddedScenes, kinds } from './support/scenes.ts';

const [size, grid] = [48, 6];

const halving = (inChannels: number, outChannels: number) => [
  new nn.Conv2d(inChannels, outChannels, 3, { padding: 1, bias: false }),
  new nn.BatchNorm2d(outChannels),
  ops.relu,
  new nn.MaxPool2d(2),
];

/** A detector in the manner of YOLO (Redmon et al. 2016): each cell of a grid says whether a thing has its centre there, its box and kind. */
class GridDetector extends nn.Module {
  layers = new nn.Sequential(
    ...halving(1, 16),
    ...halving(16, 32),
    ...halving(32, 48),
    new nn.Conv2d(48, 48, 3, { padding: 1, bias: false }),
    new nn.BatchNorm2d(48),
    ops.relu,
    new nn.Conv2d(48, 1 + 4 + kinds.length, 1),
  );

  /** `[batch, 1, size, size]` to logits of presence `[batch, grid, grid]`, boxes `[..., 4]` in 0..1 and logits of kinds `[..., kinds]`. */
  forward(image: Tensor): { present: Tensor; box: Tensor; kind: Tensor } {
    const cells = this.layers.forward(image).permute([0, 2, 3, 1]);
    return {
      present: cells.slice(3, 0, 1).reshape(cells.shape.slice(0, 3)),
      box: cells.slice(3, 1, 5).sigmoid(),
      kind: cells.slice(3, 5),
    };
  }
}

export default defineJob({
  name: 'detection',
  seed: 1,
  data: () => ({
    train: griddedScenes({ split: 'train', length: 3072, size, grid }),
    test: griddedScenes({ split: 'test', length: 256, size, grid }),
  }),
  model: () => new GridDetector(),
  batch: { size: 32 },
  epochs: 3,
  optimizer: optim.adamW({ lr: optim.cosine({ peak: 5e-3, warmupSteps: 30 }), weightDecay: 0.01 }),
  step: ({ model, batch }) => {
    const { present, box, kind } = model.forward(batch.image);
    // boxes and kinds count where there is something; all are sums over the cells of an image
    const perCell = (values: Tensor) => values.mul(batch.present).sum([1, 2]);
    const presence = loss.bceWithLogits(present, batch.present).values.sum([1, 2]);
    const place = perCell(box.sub(batch.box).square().sum(-1)).mul(20);
    return { loss: presence.add(place).add(perCell(loss.crossEntropy(kind, batch.kind).values)) };
  },
  predict: ({ model, batch }) => {
    const { present, box, kind } = model.forward(batch.image);
    return { present: present.sigmoid(), box, kind: kind.argmax(-1) };
  },
  gather: ({ model, batch }) => {
    const { present, box, kind } = model.forward(batch.image);
    const found = { score: present.sigmoid(), box, kind: kind.argmax(-1) };
    return { ...found, truth: batch.present, trueBox: batch.box, trueKind: batch.kind };
  },
  hostMetrics: {
    map: ({ score, box, kind, truth, trueBox, trueKind }) => {
      const detections = cellsWith(score.data, box.data, kind.data, 0.05);
      return meanAveragePrecision(detections, cellsWith(truth.data, trueBox.data, trueKind.data, 0.5));
    },
  },
});

type Numbers = ArrayLike<number>;

/** The boxes of all cells whose score is at least `least`, in units of the image. */
function cellsWith(scores: Numbers, boxes: Numbers, ofKind: Numbers, least: number): (Detection & Labelled)[] {
  return Array.from(scores as ArrayLike<number>, (score, cell) => {
    const [x, y, width, height] = Array.from({ length: 4 }, (_, i) => boxes[cell * 4 + i] as number) as [
      number,
      number,
      number,
      number,
    ];
    const [column, row] = [cell % grid, Math.floor(cell / grid) % grid];
    const place = { x: (column + x) / grid, y: (row + y) / grid, width, height };
    return { ...place, image: Math.floor(cell / grid ** 2), kind: ofKind[cell] as number, score };
  }).filter(({ score }) => score >= least);
}

export const example: Example = {
  system: 'convolutional network: detection',
  figures: [{ name: 'mAP at 0.5', atLeast: 0.8, of: metric('map') }],
};
