export { type BceOptions, type BceWithLogitsOptions, bce, bceWithLogits } from './binary.ts';
export { type CrossEntropyOptions, crossEntropy, type NllOptions, nll } from './cross-entropy.ts';
export { gaussianKl, klDiv } from './divergence.ts';
export { cosineEmbedding, hinge, hingeEmbedding, marginRanking, tripletMargin } from './margin.ts';
export { huber, l1, l1 as mae, mse, smoothL1 } from './regression.ts';
export { Weighted } from './weighted.ts';
