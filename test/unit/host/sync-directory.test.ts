import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, test } from "vitest";

import { syncDirectory } from "../../../src/host/sync-directory.ts";

test("a directory that is not there is an error", async () => {
  await expect(syncDirectory(join(tmpdir(), "dmthin-none"))).rejects.toMatchObject({ code: "ENOENT" });
});
