/**
 * Where fault tests stop the driver: between two steps of a plan. The operation stands still there, for ever; the test sees
 * that it got there and kills the process. Nothing of this exists unless DMTHIN_FAULT_FILE is set; never set it outside
 * of tests.
 */
import { appendFileSync, readFileSync } from "node:fs";
import type { Change } from "./core/records.ts";
import type { Step } from "./plan/step.ts";

/**
 * `path`: a file with one regular expression a line, read after each step; may be missing. A step whose text (`textOf`)
 * matches is noted in `<path>.reached` and never ends.
 */
export function faultPoint(path: string | undefined): (step: Step) => Promise<void> {
  if (path === undefined) return () => Promise.resolve();
  return async (step) => {
    const text = textOf(step);
    if (!patterns(path).some((pattern) => pattern.test(text))) return;
    appendFileSync(`${path}.reached`, `${text}\n`);
    await Promise.withResolvers<never>().promise;
  };
}

function patterns(path: string): readonly RegExp[] {
  try {
    const lines = readFileSync(path, "utf8").split("\n");
    return lines.filter((line) => line !== "").map((line) => new RegExp(line));
  } catch {
    return [];
  }
}

/** `create-thin 7`, `activate dmthin-fast-v-…`, `record put-volume db-1 ready blank`. */
export function textOf(step: Step): string {
  switch (step.kind) {
    case "record":
      return `record ${step.changes.map(textOfChange).join(", ")}`;
    case "create-thin":
    case "create-snap":
    case "delete-thin":
      return `${step.kind} ${step.thinId}`;
    case "set-transaction-id":
      return `${step.kind} ${step.to}`;
    case "admit":
      return step.kind;
    case "while-suspended":
      return `${step.kind} ${step.suspensions.map(({ device }) => device).join(" ")}`;
    case "measure":
    case "activate":
    case "deactivate":
    case "clear":
    case "grow":
      return `${step.kind} ${step.device}`;
  }
}

function textOfChange(change: Change): string {
  switch (change.kind) {
    case "put-volume": {
      const { name, state, format, staging, retiredThinId } = change.record;
      const notes = [...(staging ? ["staged"] : []), ...(retiredThinId === undefined ? [] : ["retired"])];
      return [change.kind, name, state, format.state, ...notes].join(" ");
    }
    case "put-snapshot":
    case "put-group":
      return `${change.kind} ${change.record.name} ${change.record.state}`;
    case "drop-volume":
    case "drop-snapshot":
    case "drop-group":
      return `${change.kind} ${change.id}`;
    case "put-pool":
      return `${change.kind} ${change.record.transactionId}`;
  }
}
