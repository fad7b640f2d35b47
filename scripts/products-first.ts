/**
 * Products of a row of a tile before its sums: `c0 = add(c0, mul(x, b0)); c1 = add(c1, mul(x, b1));` becomes two products, then two sums. Zen
 * processors deal instructions out to their four units as they come, and where each product is followed by its sum a tenth to a fifth of the
 * units' time is lost. The operations, and so the bits, are the same.
 */
export function productsFirst(source: string): string {
  const lines = source.split('\n');
  const out: string[] = [];
  let count = 0;
  for (let i = 0; i < lines.length; ) {
    let end = i;
    while (sumOf(lines[end]) && sumOf(lines[end])?.row === sumOf(lines[i])?.row) end++;
    const sums = lines.slice(i, end).map((line) => sumOf(line) as Sum);
    if (sums.length < 2) {
      out.push(lines[i] as string);
      i++;
      continue;
    }
    const names = sums.map(() => `product${count++}`);
    sums.forEach(({ indent, product }, k) => void out.push(`${indent}const ${names[k]} = ${product};`));
    sums.forEach(({ indent, target }, k) => void out.push(`${indent}${target} = f32x4.add(${target}, ${names[k]});`));
    i = end;
  }
  return out.join('\n');
}

interface Sum {
  readonly indent: string;
  readonly target: string;
  readonly product: string;
  /** The factor that a row's products share. */
  readonly row: string;
}

/** A line `c = f32x4.add(c, f32x4.mul(x, y));`. */
function sumOf(line: string | undefined): Sum | undefined {
  const match = /^(\s*)(\w+) = f32x4\.add\(\2, (f32x4\.mul\((\w+), \w+\))\);$/.exec(line ?? '');
  if (!match) return undefined;
  const [, indent, target, product, row] = match as unknown as [string, string, string, string, string];
  return { indent, target, product, row };
}
