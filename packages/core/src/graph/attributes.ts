export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** The constants of an op: plain JSON, so that a graph can be data. */
export type Attributes = Readonly<Record<string, Json>>;
