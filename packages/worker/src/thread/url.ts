/** The module that a Piscina pool runs in each compute thread. */
export const computeThreadUrl = new URL(`./compute${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);
