export { type ArrayField, arrays } from './arrays.ts';
export { type SpiralOptions, spirals } from './generated.ts';
export type { DataSource, Sample } from './source.ts';
export { text, type TextOptions, type TextSource } from './text.ts';
