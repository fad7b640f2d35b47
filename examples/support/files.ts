import { readdirSync } from 'node:fs';

const folder = new URL('../', import.meta.url);

/** Starts to train when it is imported. */
const program = 'quickstart.ts';

/** Every example, in alphabetical order. */
export const exampleFiles = (): { file: string; url: URL }[] =>
  readdirSync(folder)
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && file !== program)
    .sort()
    .map((file) => ({ file, url: new URL(file, folder) }));
