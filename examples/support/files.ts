import { readdirSync } from 'node:fs';

const folder = new URL('../', import.meta.url);

/** Every file of `examples/`, in alphabetical order. */
export const exampleFiles = (): { file: string; url: URL }[] =>
  readdirSync(folder)
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .sort()
    .map((file) => ({ file, url: new URL(file, folder) }));
