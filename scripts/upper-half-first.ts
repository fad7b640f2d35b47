/**
 * V8 fuses two neighbouring stores of 128 bits into one of 256. Where the lower half comes first in the code it stores that half by itself as
 * well; where the upper half comes first it does not. Kernels are written in the order one reads, and turned round here, in the build.
 */
export function upperHalfFirst(source: string): string {
  const lines = source.split('\n');
  for (let i = 0; i + 1 < lines.length; i++) {
    const [lower, upper] = [storeOf(lines[i] as string), storeOf(lines[i + 1] as string)];
    if (!lower || !upper || lower.prefix !== upper.prefix || lower.pointer !== upper.pointer) continue;
    if (lower.offset % 32 !== 0 || upper.offset !== lower.offset + 16) continue;
    [lines[i], lines[i + 1]] = [lines[i + 1] as string, lines[i] as string];
    i++;
  }
  return lines.join('\n');
}

interface Store {
  /** Indentation, and the condition it stands behind. */
  readonly prefix: string;
  readonly pointer: string;
  readonly offset: number;
}

/** A line that is one `v128.store(pointer, value[, offset]);`. */
function storeOf(line: string): Store | undefined {
  const match = /^(\s*(?:if \(\w+\) )?)v128\.store\((.+)\);$/.exec(line);
  if (!match) return undefined;
  const [pointer, value, offset = '0'] = split(match[2] as string);
  if (pointer === undefined || value === undefined || !/^\d+$/.test(offset)) return undefined;
  return { prefix: match[1] as string, pointer, offset: Number(offset) };
}

/** Arguments, at the commas outside of all brackets. */
function split(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    const character = text[i] as string;
    if ('([{'.includes(character)) depth++;
    else if (')]}'.includes(character)) depth--;
    else if (character === ',' && depth === 0) {
      parts.push(text.slice(from, i).trim());
      from = i + 1;
    }
  }
  return [...parts, text.slice(from).trim()];
}
