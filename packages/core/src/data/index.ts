export { type ArrayField, arrays } from './arrays.ts';
export { type CsvField, type CsvOptions, type CsvSource, csv } from './csv.ts';
export type { DownloadOptions } from './download.ts';
export { type BlobOptions, blobs, type SpiralOptions, spirals } from './generated.ts';
export { type GlyphOptions, glyphs } from './glyphs.ts';
export type { ImageSample } from './image-sample.ts';
export { type ImageSplits, mnist } from './mnist.ts';
export type { DataSource, Sample, StreamSource } from './source.ts';
export { type TextOptions, type TextSource, text } from './text.ts';
