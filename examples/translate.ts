import { fileURLToPath } from 'node:url';
import { trainAndShow, translationJob } from './support/translation.ts';

/** Phrases into another word order, with agreement: a transformer whose attention sees every position. */
export default translationJob('translate');

// node examples/translate.ts [FILE]: trains, translates, draws which words the translation looks at
if (process.argv[1] === fileURLToPath(import.meta.url))
  await trainAndShow(process.argv[1], process.argv[2] ?? 'runs/translate.svg');
