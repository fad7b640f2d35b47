/**
 * The first key that occurs twice in one object of a JSON text, or undefined. JSON.parse silently keeps the last of two, so
 * two readers could see different tensors in one file.
 *
 * @param json text that JSON.parse accepts: only then is a string before a colon always a key of the innermost object
 */
export function duplicateKey(json: string): string | undefined {
  const open: Set<string>[] = [];
  for (let i = 0; i < json.length; i++) {
    const character = json[i];
    if (character === '{') open.push(new Set());
    else if (character === '}') open.pop();
    else if (character === '"') {
      const start = i;
      for (i++; json[i] !== '"'; i++) if (json[i] === '\\') i++;
      if (!colonFollows(json, i + 1)) continue;
      // Parsed, as "a" and "\u0061" are the same key.
      const key = JSON.parse(json.slice(start, i + 1)) as string;
      const keys = open.at(-1) as Set<string>;
      if (keys.has(key)) return key;
      keys.add(key);
    }
  }
  return undefined;
}

function colonFollows(json: string, from: number): boolean {
  let i = from;
  while (json[i] === ' ' || json[i] === '\n' || json[i] === '\r' || json[i] === '\t') i++;
  return json[i] === ':';
}
