import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import {
  CapacityRangeError,
  DamagedVolumeError,
  EnvironmentError,
  IncompatibleExistingError,
  InvalidRequestError,
  NoRoomError,
  NotFoundError,
  OperationPendingError,
  OutcomeUnknownError,
  ParseError,
  PoolSetupError,
  PoolUnavailableError,
  PreconditionError,
  StalePageTokenError,
  ToolError,
  UnimplementedError,
} from "../../../src/core/errors.ts";
import { answerOf, codeName, CODES, MAX_MESSAGE, mayGoOn, PassedOnError } from "../../../src/csi/status.ts";

const everyError = [
  [new InvalidRequestError("name", "is required"), "INVALID_ARGUMENT"],
  [new NotFoundError("gone"), "NOT_FOUND"],
  [new IncompatibleExistingError("other size"), "ALREADY_EXISTS"],
  [new CapacityRangeError("too large"), "OUT_OF_RANGE"],
  [new NoRoomError("full"), "RESOURCE_EXHAUSTED"],
  [new PreconditionError("in use"), "FAILED_PRECONDITION"],
  [new OperationPendingError("busy"), "ABORTED"],
  [new StalePageTokenError("whose?"), "ABORTED"],
  [new PoolUnavailableError("absent"), "UNAVAILABLE"],
  [new OutcomeUnknownError("maybe"), "UNAVAILABLE"],
  [new UnimplementedError("not built"), "UNIMPLEMENTED"],
  [new DamagedVolumeError("fsck gave up"), "INTERNAL"],
  [new PoolSetupError("foreign disk"), "UNAVAILABLE"],
  [new EnvironmentError("no dmsetup"), "UNAVAILABLE"],
  [new ParseError("pool status", "field 3", "x", "a number"), "UNAVAILABLE"],
  [new ToolError({ argv: ["dmsetup"], exitCode: 1, stderr: "" }), "UNAVAILABLE"],
] as const;

describe("the code of an error", () => {
  test.each(everyError)("%s is %s", (error, code) => {
    expect(codeName(answerOf(error).code)).toBe(code);
  });

  test("the table above has every kind", () => {
    expect(new Set(everyError.map(([error]) => error.kind))).toEqual(new Set(Object.keys(CODES)));
  });
});

describe("the message of an error", () => {
  test("is the error's own, on one line", () => {
    const error = new NotFoundError("volume v-1\ndoes\tnot\u0000exist\u2028here");
    expect(answerOf(error).message).toBe("volume v-1 does not exist here");
  });

  test("is cut where it is too long for a header", () => {
    const { message } = answerOf(new NotFoundError("x".repeat(100_000)));
    expect(message).toHaveLength(MAX_MESSAGE);
    expect(message.endsWith("…")).toBe(true);
  });

  test.each([
    ["an error that is not ours", new Error("password is hunter2")],
    ["an error with a gRPC code of its own", Object.assign(new Error("hunter2"), { code: status.CANCELLED })],
    ["something thrown that is no error", "hunter2"],
    ["undefined", undefined],
  ])("of %s says nothing but that there is a bug", (_what, thrown) => {
    const answer = answerOf(thrown);
    expect(answer.code).toBe(status.INTERNAL);
    expect(answer.message).toBe("internal error; the driver's log has the details");
  });
});

test("what failed may go on by the very codes after which sidecars ask again, and by no others", () => {
  const codes = Array.from({ length: 17 }, (_each, code) => code as status);
  const going = codes.filter((code) => mayGoOn(new PassedOnError({ code, message: "" })));
  expect(going.map(codeName)).toEqual(["CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "UNAVAILABLE"]);
});
