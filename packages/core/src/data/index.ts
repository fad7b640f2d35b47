export { type ArrayField, arrays } from './arrays.ts';
export { type BlobOptions, blobs, type SpiralOptions, spirals } from './generated.ts';
export { type GlyphOptions, glyphs } from './glyphs.ts';
export type { ImageSample } from './image-source.ts';
export type { DataSource, Sample, StreamSource } from './source.ts';
export { type TextOptions, type TextSource, text } from './text.ts';
