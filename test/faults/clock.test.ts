import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

// F28: the wall clock may jump.

const root = fileURLToPath(new URL('../../packages/', import.meta.url));
/** Certificates are valid for a time that people name, and gRPC takes the deadline of a call by the wall clock. */
const allowed = /^coordinator\/src\/certs\/|^worker\/src\/grpc\/(load-security|channel)\.ts$/;

test('no timer reads the wall clock: times are differences of performance.now', () => {
  const sources = (readdirSync(root, { recursive: true }) as string[]).filter(
    (path) => /^\w+\/src\/.*(?<!\.test|\.d)\.ts$/.test(path) && !allowed.test(path),
  );
  expect(sources.length).toBeGreaterThan(200);
  const reading = sources.filter((path) =>
    /\bDate\.now\(|new Date\(\)|hrtime/.test(readFileSync(join(root, path), 'utf8')),
  );
  expect(reading).toEqual([]);
});
