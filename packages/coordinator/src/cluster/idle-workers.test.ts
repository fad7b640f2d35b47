import { expect, test } from 'vitest';
import { idleWorkersWarning } from './idle-workers.ts';
import { clusterRequest } from './to-request.ts';

test('mode local has two replicas unless told otherwise, and more workers than replicas are idle', () => {
  const warning = (options: object) => idleWorkersWarning(clusterRequest({ listen: '127.0.0.1:0', ...options }));
  expect(warning({ mode: 'local', minWorkers: 2 })).toBeUndefined();
  expect(warning({ mode: 'local', minWorkers: 3, replicas: 3 })).toBeUndefined();
  expect(warning({ mode: 'sync', minWorkers: 9 })).toBeUndefined();
  expect(warning({ mode: 'local', minWorkers: 3 })).toBe(
    '3 workers are waited for, and mode local has 2 replicas: the others have nothing to do. --replicas 3 would use them, and is another run with other bits.',
  );
});
