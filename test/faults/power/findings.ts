import { status, type ServiceError } from "@grpc/grpc-js";

import type { PromiseNumber, Violation } from "../case.ts";

/** What a verification found wrong, collected: one broken thing does not hide the next. */
export class Findings {
  readonly #violations: Violation[] = [];

  get violations(): readonly Violation[] {
    return this.#violations;
  }

  report(promise: PromiseNumber, evidence: string): void {
    this.#violations.push({ promise, evidence });
  }

  expect(promise: PromiseNumber, holds: boolean, evidence: string): void {
    if (!holds) this.report(promise, evidence);
  }

  /** What must succeed. Undefined where it did not, which is a violation. */
  async attempt<T>(promise: PromiseNumber, what: string, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      this.report(promise, `${what}: ${textOf(error)}`);
      return undefined;
    }
  }
}

export function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, details } = error as Partial<ServiceError>;
  if (details !== undefined && code !== undefined) return `${status[code]}: ${details}`;
  // The message of a failed command has its stderr.
  const { stdout } = error as { readonly stdout?: string };
  return stdout === undefined || stdout === "" ? error.message : `${error.message}\n${stdout}`;
}
