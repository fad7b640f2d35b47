import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type Reporter, type TestModule, type TestSpecification } from 'vitest/node';

/** The last line of a run, for whoever reads logs by machine: `12 passed, 0 failed`. */
const closingLine: Reporter = {
  onTestRunEnd(modules: readonly TestModule[]) {
    const counts = { passed: 0, failed: 0, skipped: 0 };
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state in counts) counts[state as keyof typeof counts]++;
      }
      if (module.errors().length > 0) counts.failed++;
    }
    console.log(
      `${counts.passed} passed, ${counts.failed} failed${counts.skipped > 0 ? `, ${counts.skipped} skipped` : ''}`,
    );
  },
};

/** Whole runs, and above all those over several processes, take longest: they come first, so that no core is idle while the last one goes on. */
const longFirst = [/test\/(cluster|faults|determinism|soak)/, /(test|bench|examples)\/[^/]*$/];

class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const found = longFirst.findIndex((pattern) => pattern.test(moduleId));
      return found < 0 ? longFirst.length : found;
    };
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}

/** Tests of pure functions and kernels share two processes: each file's own would load the core once more. Not those that load modules anew. */
const pure = {
  include: ['packages/core/src/**/*.test.ts'],
  exclude: ['packages/core/src/kernels/loader*.test.ts'],
};

export default defineConfig({
  test: {
    pool: 'forks',
    // Vitest would leave a core free: tests of whole runs wait for leases and disks as often as they compute.
    maxWorkers: Math.max(2, availableParallelism()),
    testTimeout: 300_000,
    hookTimeout: 120_000,
    // A machine that is busy with other tests takes its time.
    expect: { poll: { timeout: 30_000 } },
    reporters: ['default', closingLine],
    sequence: { sequencer: LongFirst },
    // Tests of several packages import each other's build.
    globalSetup: './test/support/build.ts',
    projects: [
      { extends: true, test: { name: 'core', isolate: false, ...pure } },
      {
        extends: true,
        test: {
          name: 'runs',
          include: [
            ...pure.exclude,
            'packages/{worker,coordinator}/src/**/*.test.ts',
            'test/**/*.test.ts',
            'examples/**/*.test.ts',
            'bench/*.test.ts',
          ],
        },
      },
    ],
  },
});
