/** `image` `[channels, height, width]` in 0..1, flat; `label` one class number. */
export type ImageSample = { readonly image: Float32Array; readonly label: Int32Array };

const levels = Float32Array.from({ length: 256 }, (_, level) => level / 255);

/** 8-bit levels as f32 in 0..1. */
export function fromLevels(pixels: Uint8Array): Float32Array {
  const image = new Float32Array(pixels.length);
  for (let p = 0; p < image.length; p++) image[p] = levels[pixels[p] as number] as number;
  return image;
}
