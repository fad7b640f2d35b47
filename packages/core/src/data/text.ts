import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { DataError, UsageError } from '../errors.ts';
import { described, plainOptions } from './described.ts';
import type { DataSource } from './source.ts';

export interface TextOptions {
  /** The text itself, or files that are read one after the other as UTF-8. */
  readonly text?: string;
  readonly path?: string;
  readonly paths?: readonly string[];
  /** Characters the model sees: a sample is `input` and `target` of so many, target one further. */
  readonly context: number;
  /** The part of the text that samples are taken from, as fractions of it; default all. */
  readonly split?: { readonly from: number; readonly to: number };
  /** Characters between the starts of samples: 1 (default) makes every offset one, `context` gives windows side by side. */
  readonly stride?: number;
  /** Default: every character of the whole text, sorted. Others are refused. */
  readonly vocabulary?: readonly string[];
}

export interface TextSource extends DataSource<{ input: Int32Array; target: Int32Array }> {
  readonly vocabulary: readonly string[];
  readonly context: number;
  /** The characters of the split. */
  readonly text: string;
  encode(text: string): Int32Array;
  decode(ids: ArrayLike<number>): string;
}

/**
 * Character-level language modelling: samples `{ input: i32 [context], target: i32 [context] }`, views of one array. A character is
 * a Unicode code point. The default vocabulary is that of the whole text, so the splits of a text share it.
 *
 * @throws DataError if a file cannot be read, the split is shorter than a sample, or a character is not in the vocabulary
 */
export function text(options: TextOptions): TextSource {
  const { context, stride = 1, split = { from: 0, to: 1 } } = options;
  for (const [name, value] of Object.entries({ context, stride })) {
    if (!Number.isSafeInteger(value) || value < 1)
      throw new UsageError(`data.text: ${name} must be a whole number of at least 1, not ${value}.`);
  }
  if (!(split.from >= 0 && split.from < split.to && split.to <= 1)) {
    throw new UsageError(`data.text: split { from: ${split.from}, to: ${split.to} } must be a part of 0 to 1.`);
  }
  const origin = options.text === undefined ? (options.path ?? options.paths?.join(', ') ?? 'text') : 'the given text';
  const characters = [...readText(options)];
  const vocabulary =
    options.vocabulary ?? [...new Set(characters)].sort((a, b) => (a.codePointAt(0) ?? 0) - (b.codePointAt(0) ?? 0));
  const ids = new Map(vocabulary.map((character, i) => [character, i]));
  const encode = (string: string | readonly string[]): Int32Array =>
    Int32Array.from(string, (character) => {
      const id = ids.get(character);
      if (id === undefined)
        throw new DataError(`data.text: character ${JSON.stringify(character)} is not in the vocabulary of ${origin}.`);
      return id;
    });

  const part = characters.slice(Math.floor(split.from * characters.length), Math.floor(split.to * characters.length));
  const encoded = encode(part);
  const length = Math.floor((encoded.length - context - 1) / stride) + 1;
  if (encoded.length < context + 1) {
    throw new DataError(
      `data.text: ${origin} has ${encoded.length} characters in this split, a sample needs ${context + 1}; give more text or a smaller context.`,
    );
  }
  const digest = createHash('sha256')
    .update(JSON.stringify([vocabulary, context, stride]))
    .update(new Uint8Array(encoded.buffer))
    .digest('hex');
  const source: TextSource = {
    length,
    context,
    vocabulary,
    digest,
    text: part.join(''),
    encode,
    decode: (tokens) => Array.from(tokens, (id) => vocabulary[id] ?? '\ufffd').join(''),
    sample: (i) => ({
      input: encoded.subarray(i * stride, i * stride + context),
      target: encoded.subarray(i * stride + 1, i * stride + 1 + context),
    }),
  };
  if (options.text !== undefined) return source;
  const { text: _text, path: _path, paths: _paths, ...rest } = options;
  return described(source, { kind: 'text', options: plainOptions(rest), files: pathsOf(options) });
}

function readText(options: TextOptions): string {
  if (options.text !== undefined) return options.text;
  const paths = pathsOf(options);
  if (paths.length === 0) throw new DataError('data.text: give text, path or paths.');
  return paths.map(readOne).join('\n');
}

const pathsOf = ({ path, paths }: TextOptions): readonly string[] => paths ?? (path === undefined ? [] : [path]);

function readOne(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new DataError(
      `data.text: cannot read ${path} (${(error as NodeJS.ErrnoException).code}); check the path given by --data or in the job.`,
    );
  }
}
