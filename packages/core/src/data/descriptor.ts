/** Kinds of sources that another machine can open by itself. */
export const descriptorKinds = ['glyphs', 'images32', 'text', 'csv', 'mnist', 'cifar10'] as const;
export type DescriptorKind = (typeof descriptorKinds)[number];

/** What it takes to open a source again elsewhere: plain JSON. Its digest says whether that gave the same data. */
export interface DataDescriptor {
  readonly kind: DescriptorKind;
  /** Of the function that made it, without paths. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Paths as they were given; empty for generated data, and for what is downloaded. */
  readonly files: readonly string[];
}
