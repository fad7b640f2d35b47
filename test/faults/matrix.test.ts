import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { faultMatrix } from './matrix.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

test('every fault has a test or a reason why not, and every test that is named exists', () => {
  expect(faultMatrix.map(({ id }) => id)).toEqual(Array.from({ length: 38 }, (_, i) => `F${i + 1}`));
  for (const { id, shownBy, missing } of faultMatrix) {
    expect(shownBy.length > 0 || missing !== undefined, id).toBe(true);
    for (const { file, test: name } of shownBy) {
      expect(existsSync(root + file), `${id}: ${file}`).toBe(true);
      // As a string in the source, not as a part of a sentence in a comment.
      const quoted = [`'${name}`, `"${name}`, `\`${name}`];
      const text = readFileSync(root + file, 'utf8');
      expect(
        quoted.some((start) => text.includes(start)),
        `${id}: "${name}" in ${file}`,
      ).toBe(true);
    }
  }
});
