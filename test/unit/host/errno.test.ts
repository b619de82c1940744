import { describe, expect, test } from "vitest";

import { errnoFrom } from "../../../src/host/errno.ts";
import { capturedFailure, DMSETUP_CAPTURES, THIN_TOOLS_CAPTURES } from "../../support/fixtures.ts";

describe.each(DMSETUP_CAPTURES)("failures of %s", (directory) => {
  test.each([
    ["thin-exists", "EEXIST"],
    ["thin-missing", "ENODATA"],
    ["thin-active", "EBUSY"],
    ["transaction-id", "EINVAL"],
    ["status-missing", "ENXIO"],
    ["message-missing", "ENXIO"],
    ["remove-missing", "ENXIO"],
    ["remove-busy", "EBUSY"],
    ["name-taken", "EBUSY"],
    ["uuid-taken", "EBUSY"],
    ["activate-missing", "ENODATA"],
    ["second-pool", "EBUSY"],
    ["reserve-twice", "EBUSY"],
    ["release-none", "EINVAL"],
    ["read-only", "EOPNOTSUPP"],
    ["needs-check", "EOPNOTSUPP"],
    ["pool-fail", "EOPNOTSUPP"],
    ["metadata-garbage", "ENOTBLK"],
  ])("%s is %s", (name, errno) => {
    expect(errnoFrom(capturedFailure(directory, name).stderr)).toBe(errno);
  });
});

describe("failures of other tools", () => {
  test.each([
    ["losetup-2.41.5", "detach-missing", "ENOENT"],
    ["losetup-2.41.5", "attach-missing", "ENOENT"],
    ["thin-tools-1.1.0", "thin-ls-busy", "EBUSY"],
    ["thin-tools-1.1.0", "thin-check-busy", "EBUSY"],
  ])("%s: %s is %s", (directory, name, errno) => {
    expect(errnoFrom(capturedFailure(directory, name).stderr)).toBe(errno);
  });

  test.each(THIN_TOOLS_CAPTURES)("%s: bad metadata has no errno", (directory) => {
    expect(errnoFrom(capturedFailure(directory, "thin-check-trees").stderr)).toBeUndefined();
  });

  test.each([
    ["older C libraries", "device-mapper: remove ioctl on x failed: Resource busy\n", "EBUSY"],
    [
      "a name that sounds like a reason",
      "losetup: /srv/File exists: failed to set up: Invalid argument\n",
      "EINVAL",
    ],
    ["the longer of two reasons", "x failed: No such device or address\n", "ENXIO"],
    ["the shorter of two reasons", "x failed: No such device\n", "ENODEV"],
    ["a reason inside a sentence", "it failed because the File exists already\n", undefined],
    ["silence", "", undefined],
  ])("%s", (_, stderr, errno) => {
    expect(errnoFrom(stderr)).toBe(errno);
  });
});
