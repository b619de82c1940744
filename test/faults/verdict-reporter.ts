import type { Reporter, SerializedError, TestModule } from "vitest/node";

import { formatVerdict, type SuiteVerdict } from "./suite-verdict.ts";

/** A vitest reporter, in the guest: prints the verdict of a suite for the host. */
class VerdictReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    console.log(formatVerdict(verdictOf(modules, unhandled)));
  }
}

function verdictOf(modules: readonly TestModule[], unhandled: readonly SerializedError[]): SuiteVerdict {
  const otherErrors = [
    ...unhandled,
    ...modules.flatMap((module) => [
      ...module.errors(),
      ...[...module.children.allSuites()].flatMap((suite) => suite.errors()),
    ]),
  ];
  const tests = modules.flatMap((module) => [...module.children.allTests()]);
  return {
    otherErrors: otherErrors.map(textOf),
    tests: tests.map((test) => {
      const { state, errors } = test.result();
      return { name: test.fullName, state, errors: (errors ?? []).map(textOf) };
    }),
  };
}

const textOf = ({ stack, message, diff }: SerializedError & { readonly diff?: string }): string =>
  [stack ?? message, ...(diff === undefined ? [] : [diff])].join("\n");

// vitest loads a reporter by the default export of its file.
// oxlint-disable-next-line import/no-default-export
export default VerdictReporter;
