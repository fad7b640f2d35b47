/**
 * Loops marked `// unrolled N` take N turns at a time, then the rest one by one. A `for` takes its first turn before the loop: the addresses of
 * loads that repeat a float then lie in registers when the loop begins, where V8 would add them up in each turn. The body ends with the steps of its
 * pointers, `p += bytes;`. A pointer that floats are repeated from gets one of its own for each turn; others are read at an offset.
 */
export function unrolled(source: string): string {
  const lines = source.split('\n');
  const out: string[] = [];
  for (let i = 0; i < lines.length; i++) {
    const mark = /^(\s*)\/\/ unrolled (\d+)$/.exec(lines[i] as string);
    if (!mark) {
      out.push(lines[i] as string);
      continue;
    }
    const indent = mark[1] as string;
    const end = lines.indexOf(`${indent}}`, i);
    out.push(...turns(indent, Number(mark[2]), lines[i + 1] as string, lines.slice(i + 2, end)));
    i = end;
  }
  return out.join('\n');
}

interface Step {
  readonly pointer: string;
  readonly bytes: number;
}

function turns(indent: string, count: number, head: string, inner: readonly string[]): string[] {
  const loop = /^\s*(?:for \(const (\w+) = (.+); (\w+) < \1; \)|while \((\w+) < (\w+)\)) \{$/.exec(head);
  if (!loop) throw new Error(`a loop that is unrolled compares a pointer with its end: ${head.trim()}`);
  const [, forEnd, from, forPointer, whilePointer, whileEnd] = loop;
  const end = (forEnd ?? whileEnd) as string;
  const pointer = (forPointer ?? whilePointer) as string;
  const steps: Step[] = [];
  let length = inner.length;
  for (let step = stepOf(inner[length - 1]); step; step = stepOf(inner[length - 1])) {
    steps.unshift(step);
    length--;
  }
  const body = inner.slice(0, length);
  const repeated = steps.filter(({ pointer: p }) => body.some((line) => line.includes(`load32_splat(${p}`)));
  const bytes = steps.find(({ pointer: p }) => p === pointer)?.bytes;
  if (bytes === undefined) throw new Error(`a loop that is unrolled ends with the step of ${pointer}`);
  const once = [
    `${indent}  {`,
    ...body,
    `${indent}  }`,
    ...steps.map(({ pointer: p, bytes: n }) => `${indent}  ${p} += ${n};`),
  ];
  const others = Array.from({ length: count - 1 }, (_, k) => k + 1);
  return [
    ...(forEnd ? [`${indent}const ${end}: usize = ${from};`, ...once] : []),
    ...others.flatMap((k) => repeated.map(({ pointer: p, bytes: n }) => `${indent}let ${p}_${k} = ${p} + ${k * n};`)),
    `${indent}for (const most = ${end} - ${(count - 1) * bytes}; ${pointer} < most; ) {`,
    ...[0, ...others].flatMap((k) => [
      `${indent}  {`,
      ...body.map((line) => moved(line, k, steps, repeated)),
      `${indent}  }`,
    ]),
    ...others.flatMap((k) => repeated.map(({ pointer: p, bytes: n }) => `${indent}  ${p}_${k} += ${count * n};`)),
    ...steps.map(({ pointer: p, bytes: n }) => `${indent}  ${p} += ${count * n};`),
    `${indent}}`,
    `${indent}while (${pointer} < ${end}) {`,
    ...once,
    `${indent}}`,
  ];
}

function stepOf(line: string | undefined): Step | undefined {
  const match = /^\s*(\w+) \+= (\d+);$/.exec(line ?? '');
  return match ? { pointer: match[1] as string, bytes: Number(match[2]) } : undefined;
}

/** A line as it reads `k` turns later. */
function moved(line: string, k: number, steps: readonly Step[], repeated: readonly Step[]): string {
  if (k === 0) return line;
  return line.replace(/\b(v128\.load(?:32_splat)?)\((\w+)(?:, (\d+))?\)/g, (all, load, p, offset = '0') => {
    if (repeated.some(({ pointer }) => pointer === p)) return `${load}(${p}_${k}, ${offset})`;
    const step = steps.find(({ pointer }) => pointer === p);
    return step ? `${load}(${p}, ${Number(offset) + k * step.bytes})` : all;
  });
}
