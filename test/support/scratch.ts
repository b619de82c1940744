/** Where a test may put files of any size, on a filesystem with direct I/O; set by the test kernel. */
export function scratchDirectory(): string {
  const directory = process.env["DMTHIN_SCRATCH"];
  if (directory === undefined)
    throw new Error("DMTHIN_SCRATCH is not set: start this with make, on the test kernel");
  return directory;
}
