import { defineConfig } from "vitest/config";

/** The kernel suites pay a process start of up to 0.1 s per command in User-Mode Linux: about ten times native. */
const onTheKernel = {
  fileParallelism: false, // one kernel, one set of dm devices
  maxWorkers: 1,
  testTimeout: 120_000,
  hookTimeout: 120_000,
  teardownTimeout: 60_000,
};

export default defineConfig({
  test: {
    environment: "node",
    // A second, vitest's own, passes on a machine with other work before a process is started.
    expect: { poll: { timeout: 10_000 } },
    projects: [
      { extends: true, test: { name: "unit", include: ["test/unit/**/*.test.ts"], testTimeout: 30_000 } },
      {
        extends: true,
        test: { name: "chart", include: ["test/chart/**/*.test.ts"], testTimeout: 60_000 },
      },
      {
        extends: true,
        test: {
          name: "api",
          include: ["test/api/**/*.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 180_000,
        },
      },
      { extends: true, test: { name: "kernel", include: ["test/kernel/**/*.test.ts"], ...onTheKernel } },
      { extends: true, test: { name: "image", include: ["test/image/**/*.test.ts"], ...onTheKernel } },
      {
        extends: true,
        test: { name: "kernel-udev", include: ["test/kernel-udev/**/*.test.ts"], ...onTheKernel },
      },
      {
        extends: true,
        test: { name: "faults", include: ["test/faults/suites/**/*.test.ts"], ...onTheKernel },
      },
    ],
  },
});
