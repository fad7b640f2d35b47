import type { Example } from './support/example.ts';
import { exactMatchFigure, translationJob } from './support/translation.ts';

/** The same phrases by local attention: no word looks further than five positions, in no layer. */
export default translationJob('translate-local', { window: 5 });

export const example: Example = {
  system: 'attention, local',
  figures: [exactMatchFigure('runs/translate-local.svg')],
};
