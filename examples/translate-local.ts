import { fileURLToPath } from 'node:url';
import { trainAndShow, translationJob } from './support/translation.ts';

/** The same phrases by local attention: no word looks further than five positions, in no layer. */
export default translationJob('translate-local', { window: 5 });

// node examples/translate-local.ts [FILE]: trains, translates, draws which words the translation looks at
if (process.argv[1] === fileURLToPath(import.meta.url))
  await trainAndShow(process.argv[1], process.argv[2] ?? 'runs/translate-local.svg');
