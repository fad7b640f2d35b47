import { readFileSync } from 'node:fs';
import { data, random } from '@lockstep/core';
import { declarationFiles } from './declarations.ts';

export const types = ['boolean', 'number', 'string'] as const;

const property = /^ {4}(?:readonly )?([A-Za-z]\w{1,11})\??: (boolean|number|string);$/;

/** The types of properties by name, without names that have several. */
const typeOf = new Map<string, number>();
for (const file of declarationFiles()) {
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const [, name, type] = property.exec(line) ?? [];
    if (name === undefined) continue;
    const index = types.indexOf(type as (typeof types)[number]);
    typeOf.set(name, (typeOf.get(name) ?? index) === index ? index : -1);
  }
}
const known = [...typeOf].filter(([, type]) => type >= 0);

/** `name: type;` of all properties of TypeScript's interfaces, a line each. */
export const propertyText = known.map(([name, type]) => `${name}: ${types[type]};`).join('\n');

/**
 * Names of properties and which of `types` they have: `{ ids: i32 [context], label: i32 [] }`, as many of each type. Train and test share no name.
 */
export function typedNames(options: {
  readonly split: 'train' | 'test';
  readonly perType: number;
  readonly seed: number;
  readonly context: number;
  readonly vocabulary: readonly string[];
}) {
  const { split, perType, seed, context, vocabulary } = options;
  const inSplit = (name: string) => (random.pathId(`${seed} ${name}`) % 4 === 0) === (split === 'train');
  const place = new Map(vocabulary.map((character, i) => [character, i]));
  const ids = new Int32Array(types.length * perType * context);
  const label = Int32Array.from({ length: types.length * perType }, (_, i) => i % types.length);
  const names = types.map((_, type) =>
    known.filter(([name, own]) => own === type && inSplit(name)).map(([name]) => name),
  );
  const before = propertyText.slice(0, propertyText.indexOf('\n', context) + 1);
  label.forEach((type, i) => {
    const name = names[type]?.[Math.floor(i / types.length)];
    if (name === undefined) throw new RangeError(`There are fewer than ${perType} names of type ${types[type]}.`);
    const text = `${before}${name}: `.slice(-context);
    ids.set(
      [...text].map((character) => place.get(character) as number),
      i * context,
    );
  });
  return data.arrays({ ids: { data: ids, shape: [label.length, context] }, label });
}
