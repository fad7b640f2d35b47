import binaryen from 'binaryen';

/** Passes that move a value to where it is used. */
const moving = [
  'simplify-locals',
  'simplify-locals-nonesting',
  'simplify-locals-nostructure',
  'simplify-locals-notee',
  'simplify-locals-notee-nostructure',
];

/**
 * Has the AssemblyScript compiler of this process leave instructions where the source has them. Binaryen would move each product behind the
 * others to its sum, and V8 keeps the order that it finds.
 */
export function keepSourceOrder(): void {
  for (const pass of moving) binaryen.addPassToSkip(pass);
}
