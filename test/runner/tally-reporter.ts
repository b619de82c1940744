import type { Reporter, SerializedError, TestModule } from "vitest/node";

import { writeTally, type Skip } from "./tally.ts";

/** A vitest reporter that leaves the run's tally for `make test`, named by DMTHIN_TALLY or after the project that ran. */
class TallyReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const suite = process.env["DMTHIN_TALLY"] ?? modules[0]?.project.name;
    if (suite !== undefined) writeTally(suite, count(modules, unhandled));
  }
}

function count(modules: readonly TestModule[], unhandled: readonly SerializedError[]) {
  const skipped: Skip[] = [];
  let passed = 0;
  // A file that does not load, a hook that throws, a promise nobody awaited: failures without a test of their own.
  let failed = unhandled.length;
  for (const module of modules) {
    failed += module.errors().length;
    for (const suite of module.children.allSuites()) failed += suite.errors().length;
    for (const test of module.children.allTests()) {
      const result = test.result();
      if (result.state === "passed") passed += 1;
      else if (result.state === "skipped") skipped.push({ name: test.fullName, reason: result.note ?? "" });
      else failed += 1; // a test still pending at the end of the run never ended
    }
  }
  return { passed, failed, skipped };
}

// vitest loads a reporter by the default export of its file.
// oxlint-disable-next-line import/no-default-export
export default TallyReporter;
