/** Threads are started from the sources in tests, and from what is built of them elsewhere. */
const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';

/** The module that a Piscina pool runs in each compute thread. */
export const computeThreadUrl = new URL(`./compute${extension}`, import.meta.url);

/** The module of the thread that compiles the kernels. */
export const compileThreadUrl = new URL(`./compile-thread${extension}`, import.meta.url);
