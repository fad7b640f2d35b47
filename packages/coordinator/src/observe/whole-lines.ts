/** `step[.phase] digest loss-bits loss lr=... scalars=... batch=... stale=... skipped`, as `formatLine` writes it. */
const wellFormed =
  /^\d+(\.[\w-]+)? [0-9a-f]{32} [0-9a-f]{16} \S+ lr=[0-9a-f,]*( scalars=[0-9a-f,]+)?( batch=\d+ stale=\d+)?( skipped)?$/;

/**
 * What a journal's file holds without the end that a crash tore. After a power cut there can be holes of zeros before the end as well: the
 * first line after step `fromStep` that is none ends the journal too. Lines up to there were on disk before the checkpoint of that step.
 */
export function wholeLines(bytes: Buffer, fromStep = Number.POSITIVE_INFINITY): Buffer {
  const torn = bytes.lastIndexOf(0x0a) + 1;
  let step = 0;
  for (let at = 0; at < torn; ) {
    const end = bytes.indexOf(0x0a, at);
    const line = bytes.toString('latin1', at, end);
    if (wellFormed.test(line)) step = Number.parseInt(line, 10);
    else if (step >= fromStep) return bytes.subarray(0, at);
    at = end + 1;
  }
  return bytes.subarray(0, torn);
}

/** The lines of the first steps. */
export function linesUpTo(lines: Buffer, step: number): Buffer {
  for (let at = 0; at < lines.length; at = lines.indexOf(0x0a, at) + 1) {
    if (Number.parseInt(lines.toString('latin1', at, at + 20), 10) > step) return lines.subarray(0, at);
  }
  return lines;
}
