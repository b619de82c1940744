/** Tools for tests of processes: flock is the real one, every other name is a shell. */
import type { Tools } from "../../src/host/tools.ts";

export const FLOCK_AND_SHELL: Tools = {
  has: () => true,
  path: (tool) => (tool === "flock" ? "/usr/bin/flock" : "/bin/sh"),
};
