/** A box by its centre and its sides, all in the same unit. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Labelled extends Box {
  readonly image: number;
  readonly kind: number;
}

export interface Detection extends Labelled {
  /** How sure the detector is. */
  readonly score: number;
}

/** Area of the intersection of two boxes over that of their union. */
export function boxIou(a: Box, b: Box): number {
  const overlap = (at: number, side: number, otherAt: number, otherSide: number): number =>
    Math.max(0, Math.min(at + side / 2, otherAt + otherSide / 2) - Math.max(at - side / 2, otherAt - otherSide / 2));
  const both = overlap(a.x, a.width, b.x, b.width) * overlap(a.y, a.height, b.y, b.height);
  const union = a.width * a.height + b.width * b.height - both;
  return union > 0 ? both / union : 0;
}

/**
 * Area under the curve of precision over recall for one kind, precision being made to fall only (as PASCAL VOC does since 2010). The surest
 * detection takes the box that it overlaps most, by `threshold` or more; each box is taken once.
 */
function averagePrecision(detections: readonly Detection[], boxes: readonly Labelled[], threshold: number): number {
  const taken = new Set<Labelled>();
  const hits = [...detections]
    .sort((a, b) => b.score - a.score)
    .map((detection) => {
      const candidates = boxes.filter((box) => box.image === detection.image && !taken.has(box));
      const best = candidates.reduce<Labelled | undefined>(
        (found, box) => (found && boxIou(detection, found) >= boxIou(detection, box) ? found : box),
        undefined,
      );
      if (!best || boxIou(detection, best) < threshold) return false;
      taken.add(best);
      return true;
    });
  let [found, area, best] = [taken.size, 0, 0];
  for (let i = hits.length - 1; i >= 0; i--) {
    best = Math.max(best, found / (i + 1));
    if (!hits[i]) continue;
    area += best / boxes.length;
    found--;
  }
  return area;
}

/** Mean of the average precision over the kinds that occur among `boxes`: mAP at one threshold of overlap. */
export function meanAveragePrecision(
  detections: readonly Detection[],
  boxes: readonly Labelled[],
  threshold = 0.5,
): number {
  const kinds = [...new Set(boxes.map(({ kind }) => kind))];
  const ofKind = <T extends Labelled>(list: readonly T[], kind: number) => list.filter((item) => item.kind === kind);
  const all = kinds.map((kind) => averagePrecision(ofKind(detections, kind), ofKind(boxes, kind), threshold));
  return all.reduce((sum, value) => sum + value, 0) / kinds.length;
}
