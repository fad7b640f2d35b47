import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { UsageError } from '@lockstep/core';

/** 128 bits, as 32 hexadecimal digits: the least that counts as a secret. */
const pattern = /^[0-9a-f]{32,128}$/i;

/** The secret that workers and coordinator share. Never printed: it shows as `[join token]`. */
export class JoinToken {
  readonly #text: string;
  readonly #hash: Buffer;

  /** @param source file or variable, for the message @throws UsageError */
  constructor(text: string, source = 'the join token') {
    const trimmed = text.trim();
    if (!pattern.test(trimmed))
      throw new UsageError(
        `${source} holds no join token: 32 hexadecimal digits, as \`openssl rand -hex 16\` writes them`,
      );
    this.#text = trimmed.toLowerCase();
    this.#hash = hash(this.#text);
  }

  static random(): JoinToken {
    return new JoinToken(randomBytes(16).toString('hex'));
  }

  /** For the metadata of a call, nothing else. */
  reveal(): string {
    return this.#text;
  }

  /** In a time that does not depend on where they differ: hashes are compared, whose bytes nobody can choose. */
  equals(other: string): boolean {
    return timingSafeEqual(this.#hash, hash(other.toLowerCase()));
  }

  toString(): string {
    return '[join token]';
  }

  toJSON(): string {
    return this.toString();
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }
}

const hash = (text: string) => createHash('sha256').update(text).digest();
