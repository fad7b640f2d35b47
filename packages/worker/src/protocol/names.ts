import { refuse } from './job-refusal.ts';

/** A name is shown in events and terminals and is a key of objects: short, without control characters, no property of every object. */
const controls = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;
const longest = 300;

/** @param what says whose name it is, for the message */
export function checkName(name: string, what: string): string {
  if (name.length === 0 || name.length > longest) refuse(`${what} has ${name.length} characters, not 1 to ${longest}`);
  checkText(name, what);
  if (name in Object.prototype) refuse(`${what} may not be called "${name}"`);
  return name;
}

/** As a name, but it may be empty and is no key. */
export function checkText(text: string, what: string): string {
  if (text.length > longest) refuse(`${what} has ${text.length} characters, more than ${longest}`);
  if (controls.test(text)) refuse(`${what} has control characters: ${JSON.stringify(text)}`);
  return text;
}

export function checkUnique(names: readonly string[], what: string): void {
  const seen = new Set<string>();
  for (const name of names) {
    checkName(name, what);
    if (seen.has(name)) refuse(`${what} "${name}" is there twice`);
    seen.add(name);
  }
}

/** An object from names and values: own properties only, whatever the names are. */
export function record<T>(entries: readonly (readonly [string, T])[], what: string): Record<string, T> {
  checkUnique(
    entries.map(([name]) => name),
    what,
  );
  return Object.fromEntries(entries);
}
