/** What the doctor found, and how it says so. Pure. */

/** `fail`: dmthin cannot work, or data is in danger. `warn`: it works, and something will bite. `unknown`: could not be seen. */
export type Verdict = "ok" | "warn" | "fail" | "unknown";

export interface Finding {
  /** What was looked at, a few words; stable, for scripts. */
  readonly check: string;
  readonly verdict: Verdict;
  /** What is so. */
  readonly says: string;
  /** What to do about it. */
  readonly cure?: string;
}

export const ok = (check: string, says: string): Finding => ({ check, verdict: "ok", says });
export const warn = (check: string, says: string, cure: string): Finding => ({
  check,
  verdict: "warn",
  says,
  cure,
});
export const fail = (check: string, says: string, cure: string): Finding => ({
  check,
  verdict: "fail",
  says,
  cure,
});
export const unknown = (check: string, says: string): Finding => ({ check, verdict: "unknown", says });

const MARKS: Readonly<Record<Verdict, string>> = {
  ok: "ok     ",
  warn: "warn   ",
  fail: "FAIL   ",
  unknown: "unknown",
};
const COLOURS: Readonly<Record<Verdict, number>> = { ok: 32, warn: 33, fail: 31, unknown: 33 };

/** For people. The cure is on a line of its own. */
export function formatFindings(findings: readonly Finding[], colours: boolean): string {
  const lines = findings.flatMap(({ check, verdict, says, cure }) => {
    const mark = colours ? `\u001B[${COLOURS[verdict]}m${MARKS[verdict]}\u001B[0m` : MARKS[verdict];
    return [`${mark} ${check}: ${says}`, ...(cure === undefined ? [] : [`        → ${cure}`])];
  });
  return `${[...lines, summaryOf(findings)].join("\n")}\n`;
}

function summaryOf(findings: readonly Finding[]): string {
  const count = (verdict: Verdict): number => findings.filter((each) => each.verdict === verdict).length;
  return `doctor: ${count("ok")} ok, ${count("warn")} warnings, ${count("fail")} failed, ${count("unknown")} unknown`;
}

export const hasFailed = (findings: readonly Finding[]): boolean =>
  findings.some(({ verdict }) => verdict === "fail");
