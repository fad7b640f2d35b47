import type { Example } from './support/example.ts';
import { exactMatchFigure, translationJob } from './support/translation.ts';

/** Phrases into another word order, with agreement: a transformer whose attention sees every position. */
export default translationJob('translate');

export const example: Example = {
  system: 'attention, global',
  figures: [exactMatchFigure('runs/translate.svg')],
};
