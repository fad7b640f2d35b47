import { defineConfig } from 'vitest/config';
import type { Reporter, TestModule } from 'vitest/node';

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

/** Tests of pure functions and kernels share two processes: each file's own would load the core once more. Not those that load modules anew. */
const pure = {
  include: ['packages/core/src/**/*.test.ts'],
  exclude: ['packages/core/src/kernels/loader*.test.ts'],
};

export default defineConfig({
  test: {
    pool: 'forks',
    testTimeout: 120_000,
    hookTimeout: 120_000,
    reporters: ['default', closingLine],
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
