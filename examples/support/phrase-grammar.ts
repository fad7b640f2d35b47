import { random } from '@lockstep/core';

/**
 * A small grammar of English phrases and their translation into an invented language. There the adjectives follow their noun in reverse
 * order and agree with it in gender and number, as articles do; the verb agrees with its subject and comes after the object; where
 * something happened is said before the verb, when it happened at the very end.
 */

type Gender = 'm' | 'f' | 'n';
type Choice = readonly string[];

const nouns: Readonly<Record<string, readonly [stem: string, gender: Gender]>> = {
  cat: ['mila', 'f'],
  dog: ['koru', 'm'],
  bird: ['avi', 'n'],
  horse: ['eku', 'm'],
  house: ['domu', 'f'],
  tree: ['arbo', 'f'],
  river: ['flu', 'n'],
  boat: ['navi', 'f'],
  king: ['regu', 'm'],
  lamb: ['agne', 'n'],
  song: ['kanto', 'm'],
  stone: ['petra', 'n'],
};
const adjectives: Readonly<Record<string, string>> = {
  small: 'pet',
  big: 'gran',
  red: 'rub',
  old: 'vet',
  young: 'jun',
  white: 'blan',
  quiet: 'kiet',
  strange: 'mir',
};
const verbs: Readonly<Record<string, string>> = {
  saw: 'vid',
  heard: 'aud',
  found: 'trov',
  loved: 'am',
  carried: 'port',
  left: 'las',
  followed: 'sek',
  forgot: 'obli',
};
const places: Readonly<Record<string, string>> = { near: 'apud', behind: 'post', under: 'sub', without: 'sine' };
const times: Readonly<Record<string, string>> = { yesterday: 'heri', today: 'odi', often: 'sepe', once: 'olim' };
const articles: Readonly<Record<string, string>> = { the: 'l', some: 'un' };
const endings: Readonly<Record<Gender, string>> = { m: 'o', f: 'a', n: 'u' };

const agree = (stem: string, gender: Gender, plural: boolean): string =>
  `${stem}${endings[gender]}${plural ? 's' : ''}`;
const nounForm = (noun: string, plural: boolean): string => `${nouns[noun]?.[0]}${plural ? 'n' : ''}`;
const verbForm = (verb: string, plural: boolean): string => `${verbs[verb]}${plural ? 'unt' : 'it'}`;

export interface Phrase {
  readonly source: readonly string[];
  readonly target: readonly string[];
}

const genders: readonly Gender[] = ['m', 'f', 'n'];
const numbers = [false, true];
const everyForm = (stems: readonly string[]): string[] =>
  stems.flatMap((stem) => genders.flatMap((gender) => numbers.map((plural) => agree(stem, gender, plural))));

/** Words by id; 0 is padding, 1 the start of a translation and 2 its end. */
export const sourceWords: readonly string[] = [
  ...['', '', ''],
  ...Object.keys(nouns).flatMap((noun) => [noun, `${noun}s`]),
  ...[adjectives, verbs, places, times, articles].flatMap((words) => Object.keys(words)),
];
export const targetWords: readonly string[] = [
  ...['', '', ''],
  ...Object.keys(nouns).flatMap((noun) => numbers.map((plural) => nounForm(noun, plural))),
  ...everyForm([...Object.values(adjectives), ...Object.values(articles)]),
  ...Object.keys(verbs).flatMap((verb) => numbers.map((plural) => verbForm(verb, plural))),
  ...Object.values(places),
  ...Object.values(times),
];
export const start = 1;
export const end = 2;

/** Time, two noun phrases of an article, two adjectives and a noun, the verb, and a place with a third one. */
export const longestSource = 15;
/** With the end mark. */
export const longestTarget = longestSource + 1;

/** Phrase `index` of a split; phrases of one split never occur in the other. */
export function phrase(split: 'train' | 'test', seed: number, index: number): Phrase {
  const numbers = random.generator(seed, index);
  for (;;) {
    const drawn = draw(numbers);
    if (isTest(drawn) === (split === 'test')) return drawn;
  }
}

/** One phrase in eight, by its words. */
function isTest({ source }: Phrase): boolean {
  let hash = 0;
  for (const code of source.join(' ')) hash = (Math.imul(hash, 31) + (code.codePointAt(0) as number)) | 0;
  return Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) >>> 29 === 0;
}

function draw(numbers: random.Generator): Phrase {
  const pick = (words: Choice): string => words[numbers.int(words.length)] as string;
  const nounPhrase = () => {
    const noun = pick(Object.keys(nouns));
    const plural = numbers.int(2) === 1;
    const article = pick(plural ? ['the', 'some'] : ['the']);
    const described = Array.from({ length: numbers.int(3) }, () => pick(Object.keys(adjectives)));
    const gender = nouns[noun]?.[1] as Gender;
    const agreeing = described.map((adjective) => agree(adjectives[adjective] as string, gender, plural)).reverse();
    return {
      plural,
      source: [article, ...described, plural ? `${noun}s` : noun],
      target: [agree(articles[article] as string, gender, plural), nounForm(noun, plural), ...agreeing],
    };
  };
  const [subject, object] = [nounPhrase(), nounPhrase()];
  const verb = pick(Object.keys(verbs));
  const time = numbers.int(2) === 1 ? [pick(Object.keys(times))] : [];
  const place = numbers.int(2) === 1 ? { word: pick(Object.keys(places)), phrase: nounPhrase() } : undefined;
  return {
    source: [
      ...time,
      ...subject.source,
      verb,
      ...object.source,
      ...(place ? [place.word, ...place.phrase.source] : []),
    ],
    target: [
      ...subject.target,
      ...object.target,
      ...(place ? [places[place.word] as string, ...place.phrase.target] : []),
      verbForm(verb, subject.plural),
      ...time.map((word) => times[word] as string),
    ],
  };
}

const idsOf = (words: readonly string[], known: readonly string[]): number[] =>
  words.map((word) => known.indexOf(word));
const padded = (ids: readonly number[], length: number): number[] => [
  ...ids,
  ...Array<number>(length - ids.length).fill(0),
];

/** `source`, the translation shifted by one (`input`, from the start mark) and the translation with its end mark (`target`), as ids. */
export function phraseIds({ source, target }: Phrase): { source: number[]; input: number[]; target: number[] } {
  const ids = idsOf(target, targetWords);
  return {
    source: padded(idsOf(source, sourceWords), longestSource),
    input: padded([start, ...ids], longestTarget),
    target: padded([...ids, end], longestTarget),
  };
}
