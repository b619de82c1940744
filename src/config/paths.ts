/** One spelling for each absolute path, without looking at the disk: `/a//b/./` becomes `/a/b`. */
export function tidyPath(path: string): string {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  return `/${parts.join("/")}`;
}
